-- A workspace's balance; no row where delivery does not know the workspace.
create or replace function get_balance(
  p_org_id uuid,
  p_workspace_id uuid,
  p_of_workspace_id uuid
) returns table (
  workspace_id uuid,
  available int,
  held int,
  consumed int,
  granted int,
  waiting_delivery_count int
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select a.workspace_id, a.available, a.held, a.consumed, a.granted, (
    select count(*)
    from deliveries d
    where d.org_id = a.org_id and d.workspace_id = a.workspace_id
      and d.waiting_for = 'credit')::int
  from credit_accounts a
  where a.org_id = p_org_id and a.workspace_id = p_of_workspace_id;
end;
$$;
