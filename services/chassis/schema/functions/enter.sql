-- Says, for the running transaction, which orgs (and which workspace; null: all) policies let
-- through, and which trace triggers write. The first statement of every other function.
create or replace function enter(
  p_org_ids uuid[],
  p_workspace_id uuid default null,
  p_traceparent text default null
) returns void
language sql
set search_path from current
as $$
  select
    -- A batch names an org once for each of its items; policies compare every row with each.
    set_config('app.org_ids', array(select distinct unnest(p_org_ids))::text, true),
    set_config('app.workspace_id', coalesce(p_workspace_id::text, ''), true),
    set_config('app.trace_id', coalesce(substr(p_traceparent, 4, 32), ''), true);
$$;
