-- Locks accounts, in order, so that two batches cannot wait for each other. Deliveries are always
-- locked before accounts. For use by other functions, which have set the tenant or run as the
-- system role.
create or replace function lock_accounts(
  p_org_ids uuid[],
  p_workspace_ids uuid[]
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform
  from credit_accounts a
  where (a.org_id, a.workspace_id) in (
    select n.org_id, n.workspace_id
    from unnest(p_org_ids, p_workspace_ids) as n (org_id, workspace_id))
  order by a.org_id, a.workspace_id
  for update;
end;
$$;
