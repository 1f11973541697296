-- Locks deliveries and then their workspaces' accounts, each in order.
-- For use by other functions, which have entered the orgs.
create or replace function lock_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[]
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform
  from deliveries d
  join (select distinct * from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)) n
    using (org_id, delivery_id)
  order by d.org_id, d.delivery_id
  for update of d;
  perform lock_accounts(array_agg(d.org_id), array_agg(d.workspace_id))
  from deliveries d
  where (d.org_id, d.delivery_id) in (
    select n.org_id, n.delivery_id
    from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id));
end;
$$;
