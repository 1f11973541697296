-- Records since when each parked delivery waits, and for what; one that waits already keeps its
-- row.
-- For use by claim_deliveries, which runs as the system role (no caller has set the tenant) and
-- has locked deliveries and accounts.
create or replace function begin_waits(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  insert into delivery_waits (org_id, wait_id, delivery_id, workspace_id, waiting_for, started_at,
    trace_id)
  select d.org_id, gen_random_uuid(), d.delivery_id, d.workspace_id, d.waiting_for, p_now,
    d.trace_id
  from deliveries d
  join unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
  where d.waiting_for in ('credit', 'endpoint')
  on conflict do nothing;
end;
$$;
