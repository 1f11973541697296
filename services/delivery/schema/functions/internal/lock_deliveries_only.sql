-- Locks deliveries in order, and not their accounts, which are locked after them. For use by other
-- functions, which have set the tenant.
create or replace function lock_deliveries_only(
  p_org_ids uuid[],
  p_delivery_ids uuid[]
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform
  from (
    select distinct n.org_id, n.delivery_id
    from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)
    order by n.org_id, n.delivery_id
  ) n
  -- One look-up by key each, whatever the statistics of tables that fill fast say.
  cross join lateral (
    select
    from deliveries d
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id
    limit 1
    for update
  ) d;
end;
$$;
