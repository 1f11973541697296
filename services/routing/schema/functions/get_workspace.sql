-- One workspace of the org; no row where there is none.
create or replace function get_workspace(
  p_org_id uuid,
  p_workspace_id uuid
) returns table (
  workspace_id uuid,
  name text,
  offer_policy text,
  created_at timestamptz
)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select w.workspace_id, w.name, w.offer_policy, w.created_at
  from workspaces w
  where w.org_id = p_org_id and w.workspace_id = p_workspace_id;
end;
$$;
