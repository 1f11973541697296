-- The old name of `set_tenant`, which an older version of a service still calls. Dropped a release
-- later.
create or replace function enter(
  p_org_ids uuid[],
  p_workspace_id uuid default null,
  p_traceparent text default null
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids, p_workspace_id, p_traceparent);
end;
$$;
