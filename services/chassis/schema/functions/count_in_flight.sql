-- runs as: system
-- Counts the outbox rows whose receiver may have taken them over although they are not settled, over
-- all tenants: why the two totals of a handoff may differ.
--   - A row is in flight while the lease of its claim is held. A lease that ran out explains nothing:
--     a relay claims the row again at once.
--   - A row that its relay gave back, not knowing what came of it, is in flight for 30 s from its
--     claim: as long as a lease.
--   - Returns a row for each topic that has any.
create or replace function count_in_flight(
  p_now timestamptz default now()
) returns table (topic text, row_count bigint)
language sql
stable
security definer
set search_path from current
as $$
  select o.topic, count(*)
  from outbox o
  where o.status = 'pending'
    and coalesce(o.claim_expires_at, o.claimed_at + interval '30 seconds') > p_now -- not a fence: a count
  group by o.topic;
$$;
