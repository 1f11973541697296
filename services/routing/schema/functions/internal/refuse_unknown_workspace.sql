-- Raises WB040 WORKSPACE_NOT_FOUND where the org has no such workspace; the caller has set the tenant.
create or replace function refuse_unknown_workspace(p_org_id uuid, p_workspace_id uuid)
returns void
language plpgsql
set search_path from current
as $$
begin
  if not exists (
    select from workspaces w where w.org_id = p_org_id and w.workspace_id = p_workspace_id
  ) then
    perform refuse(40, 'There is no such workspace in this org.',
      jsonb_build_object('workspace_id', p_workspace_id));
  end if;
end;
$$;
