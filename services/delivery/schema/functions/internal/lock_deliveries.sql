-- Locks deliveries and then their workspaces' accounts, each in order.
-- For use by other functions, which have set the tenant.
create or replace function lock_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[]
) returns void
language plpgsql
set search_path from current
as $$
begin
  -- Sorted, so read to its end, before the first account is looked up.
  perform
  from (
    select distinct d.org_id, d.workspace_id
    from (
      select distinct n.org_id, n.delivery_id
      from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)
      order by n.org_id, n.delivery_id
    ) n
    -- One look-up by key each, whatever the statistics of tables that fill fast say.
    cross join lateral (
      select d.org_id, d.workspace_id
      from deliveries d
      where d.org_id = n.org_id and d.delivery_id = n.delivery_id
      limit 1
      for update
    ) d
    order by d.org_id, d.workspace_id
  ) w
  cross join lateral (
    select
    from credit_accounts a
    where a.org_id = w.org_id and a.workspace_id = w.workspace_id
    limit 1
    for update
  ) a;
end;
$$;
