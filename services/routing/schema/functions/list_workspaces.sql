-- A page of the org's workspaces, oldest first, after p_after (null: from the start).
create or replace function list_workspaces(
  p_org_id uuid,
  p_limit int,
  p_after uuid default null
) returns table (
  workspace_id uuid,
  name text,
  offer_policy text,
  created_at timestamptz
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select w.workspace_id, w.name, w.offer_policy, w.created_at
  from workspaces w
  where w.org_id = p_org_id and (p_after is null or w.workspace_id > p_after)
  order by w.workspace_id
  limit p_limit;
end;
$$;
