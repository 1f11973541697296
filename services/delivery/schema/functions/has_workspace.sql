-- Whether delivery has its copy of the workspace.
create or replace function has_workspace(
  p_org_id uuid,
  p_workspace_id uuid
) returns boolean
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return exists (select from workspaces where org_id = p_org_id and workspace_id = p_workspace_id);
end;
$$;
