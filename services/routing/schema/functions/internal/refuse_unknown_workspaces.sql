-- Raises WB040 WORKSPACE_NOT_FOUND where an org has no such workspace: parallel arrays. The caller has
-- set the tenant.
create or replace function refuse_unknown_workspaces(p_org_ids uuid[], p_workspace_ids uuid[])
returns void
language plpgsql
set search_path from current
as $$
declare
  v_unknown_id uuid;
begin
  -- One look-up by key for each workspace; a reference would make one, and a lock, for each lead.
  select i.workspace_id into v_unknown_id
  from (
    select distinct i.org_id, i.workspace_id
    from unnest(p_org_ids, p_workspace_ids) as i (org_id, workspace_id)
  ) i
  left join lateral (
    select true as is_known
    from workspaces w
    where w.org_id = i.org_id and w.workspace_id = i.workspace_id
    limit 1
  ) w on true
  where w.is_known is null
  limit 1;
  if found then
    perform refuse(40, 'There is no such workspace in this org.',
      jsonb_build_object('workspace_id', v_unknown_id));
  end if;
end;
$$;
