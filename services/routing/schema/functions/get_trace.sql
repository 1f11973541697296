-- Routing's part of one trace, oldest first, as bars: leads with their waits and attempts, workspaces
-- and rules that were published, handoffs, repeats. A workspace's token does not see the candidates,
-- which are other workspaces' rules, nor handoffs and repeats, which are the org's.
create or replace function get_trace(
  p_org_ids uuid[],
  p_workspace_id uuid,
  p_trace_id text
) returns table (
  source_table text,
  key uuid,
  attempt int,
  name text,
  started_at timestamptz,
  ended_at timestamptz,
  waiting boolean,
  outcome text,
  ids jsonb,
  details jsonb,
  attempt_trace_id text,
  linked_trace_ids text[]
)
language plpgsql
stable
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  return query
  with bar as (
    select * from get_leads_trace(p_trace_id, p_workspace_id)
    union all
    select * from get_rules_trace(p_trace_id)
    union all
    select * from get_outbox_trace(p_trace_id) where p_workspace_id is null
    union all
    select * from get_repeats_trace(p_trace_id) where p_workspace_id is null
  )
  select bar.*
  from bar
  order by bar.started_at, bar.ended_at nulls last, bar.name;
end;
$$;
