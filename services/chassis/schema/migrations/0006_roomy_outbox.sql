-- A claim changes no column that an index holds: with room on its page the version that it makes
-- needs no entry in any of them.

-- migrate:up
alter table outbox set (fillfactor = 45);

-- migrate:down
drop function if exists lock_due_outbox(text, int, timestamptz, timestamptz);
alter table outbox set (fillfactor = 70);
