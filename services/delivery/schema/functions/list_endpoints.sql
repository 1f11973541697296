-- A page of endpoints, oldest first, after p_after (null: from the start); of one workspace, or of
-- all where p_of_workspace_id is null.
create or replace function list_endpoints(
  p_org_id uuid,
  p_workspace_id uuid,
  p_of_workspace_id uuid,
  p_limit int,
  p_after uuid default null
) returns table (
  endpoint_id uuid,
  workspace_id uuid,
  url text,
  status text,
  disabled_reason text,
  created_at timestamptz
)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select e.endpoint_id, e.workspace_id, e.url, e.status, e.disabled_reason, e.created_at
  from endpoints e
  where e.org_id = p_org_id
    and (p_of_workspace_id is null or e.workspace_id = p_of_workspace_id)
    and (p_after is null or e.endpoint_id > p_after)
  order by e.endpoint_id
  limit p_limit;
end;
$$;
