-- Sets, for the running transaction, the orgs and the workspace (null: all) that policies let
-- through, and the trace that triggers write. The first statement of every other function.
create or replace function set_tenant(
  p_org_ids uuid[],
  p_workspace_id uuid default null,
  p_traceparent text default null
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_org_ids uuid[] := coalesce(p_org_ids, '{}');
  v_set text;
begin
  -- A batch names an org once for each of its items; policies compare every row with each.
  if cardinality(v_org_ids) > 1 then
    v_org_ids := array(select distinct unnest(v_org_ids));
  end if;
  -- Assigned: what is assigned is evaluated at once, what is performed is a statement each.
  v_set := set_config('app.org_ids', v_org_ids::text, true);
  v_set := set_config('app.workspace_id', coalesce(p_workspace_id::text, ''), true);
  v_set := set_config('app.trace_id', coalesce(substr(p_traceparent, 4, 32), ''), true);
end;
$$;
