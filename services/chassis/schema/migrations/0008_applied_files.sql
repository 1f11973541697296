-- Which text of each function, of the grants and of each table's policies was applied last, so that
-- `waybill migrate up` changes only what differs.

-- migrate:up
create table applied_files (
  name text primary key check (length(name) between 1 and 128),
  checksum text not null check (checksum ~ '^[0-9a-f]{64}$'),
  applied_at timestamptz not null default now()
);
comment on table applied_files is
  'What migrate applied last: a function, the grants or a table''s policies, by checksum of its text';

-- migrate:down
drop table applied_files;
