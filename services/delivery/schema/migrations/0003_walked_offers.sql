-- migrate:up
-- An offer walks five steps in the transaction that makes it: with room on the page its versions
-- need no entries in the indexes.
alter table lead_offers set (fillfactor = 40);
-- The key (org_id, delivery_id, endpoint_id, number) leads there as well, with few attempts each.
drop index idx_attempts_open;

-- migrate:down
create index idx_attempts_open on attempts (org_id, delivery_id) where outcome is null;
alter table lead_offers set (fillfactor = 70);
