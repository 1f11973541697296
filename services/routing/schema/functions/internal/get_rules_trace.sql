-- The workspaces' and rules' part of a trace, as bars: what was created and published. RLS decides
-- which orgs' rows are seen; the caller has set the tenant.
create or replace function get_rules_trace(p_trace_id text)
returns table (
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
language sql
stable
set search_path from current
as $$
  select 'workspaces', w.workspace_id, 0, 'workspace created', w.created_at, w.created_at,
    false, 'created', jsonb_build_object('workspace_id', w.workspace_id),
    jsonb_build_object('offer_policy', w.offer_policy), null::text, '{}'::text[]
  from workspaces w
  where w.trace_id = p_trace_id
  union all
  select 'rule_versions', v.rule_id, v.version, 'rule published', v.published_at,
    v.published_at, false, 'published',
    jsonb_build_object('rule_id', v.rule_id, 'workspace_id', v.workspace_id),
    jsonb_build_object('priority', v.priority, 'enabled', v.enabled), null, '{}'
  from rule_versions v
  where v.trace_id = p_trace_id;
$$;
