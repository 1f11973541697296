-- The leads' part of a trace, as bars: what was taken over, each wait (queue, backoff), each attempt
-- with its decision record, hashes held, expiry. p_workspace_id, a workspace's token, hides the
-- candidates, which are other workspaces' rules. RLS decides which orgs' rows are seen; the caller has
-- set the tenant.
create or replace function get_leads_trace(p_trace_id text, p_workspace_id uuid)
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
  with lead as materialized (
    select l.*, f.facts,
      jsonb_build_object('lead_id', l.lead_id, 'source_id', f.source_id) as ids
    from lead_facts f
    join leads l using (org_id, lead_id)
    where f.trace_id = p_trace_id
  ), decision as materialized (
    select g.*,
      lag(g.decided_at) over earlier as previous_decided_at,
      lag(g.attempt_trace_id) over earlier as previous_trace_id
    from lead l
    join lead_routing_logs g using (org_id, lead_id)
    window earlier as (partition by g.org_id, g.lead_id order by g.attempt)
  )
  select 'leads', l.lead_id, 0, 'lead taken over', l.enqueued_at, l.enqueued_at, false,
    'accepted', l.ids,
    jsonb_strip_nulls(jsonb_build_object('type', l.facts -> 'type',
      'source_kind', l.facts -> 'source_kind',
      'interrupted', nullif(l.routing_interruption_count, 0))),
    null::text, '{}'::text[]
  from lead l
  union all
  select 'lead_routing_logs', d.lead_id, d.attempt,
    case when d.attempt = 1 then 'routing queue' else 'routing backoff' end,
    coalesce(d.previous_decided_at, l.enqueued_at), d.started_at, true, 'claimed', l.ids, '{}',
    null, '{}'
  from decision d
  join lead l using (org_id, lead_id)
  union all
  select 'lead_routing_logs', d.lead_id, d.attempt, 'routing attempt', d.started_at,
    d.decided_at, false, d.outcome,
    l.ids || jsonb_strip_nulls(jsonb_build_object(
      'workspace_id', d.workspace_id, 'rule_id', d.rule_id,
      'holder_lead_id', d.holder_lead_id)),
    jsonb_strip_nulls(jsonb_build_object(
      'rule_version', d.rule_version, 'error', d.error, 'inputs', d.inputs,
      'worker', d.worker, 'retry_at', d.retry_at,
      'candidates', case when p_workspace_id is null then d.candidates end)),
    nullif(d.attempt_trace_id, d.trace_id),
    array_remove(array[nullif(d.previous_trace_id, d.trace_id)], null)
  from decision d
  join lead l using (org_id, lead_id)
  union all
  select 'leads', l.lead_id, l.routing_attempts, 'routing attempt', l.routing_locked_at, null,
    false, 'routing', l.ids, jsonb_build_object('worker', l.routing_locked_by), null, '{}'
  from lead l
  where l.routing_status = 'routing'
  union all
  select 'leads', l.lead_id, l.routing_attempts + 1, 'routing queue',
    coalesce(l.routing_last_attempted_at, l.enqueued_at), null, true, 'pending', l.ids, '{}',
    null, '{}'
  from lead l
  where l.routing_status = 'pending'
  union all
  select 'lead_routing_queue', q.lead_id, q.attempt, 'routing backoff', q.enqueued_at, null,
    true, 'pending', l.ids,
    jsonb_build_object('next_retry_at', q.next_retry_at, 'error', q.error), null, '{}'
  from lead_routing_queue q
  join lead l using (org_id, lead_id)
  union all
  select 'leads', l.lead_id, 0, 'lead expired', l.decided_at, l.decided_at, false, 'expired',
    l.ids, '{}', null, '{}'
  from lead l
  where l.routing_status = 'expired'
  union all
  select 'lead_dedupe_hashes', l.lead_id, 0, 'dedupe hashes held', l.decided_at, l.decided_at,
    false, 'held', jsonb_build_object('lead_id', l.lead_id),
    jsonb_build_object('hash_count', l.dedupe_hash_count, 'until', l.dedupe_until), null, '{}'
  from lead l
  where l.dedupe_hash_count > 0;
$$;
