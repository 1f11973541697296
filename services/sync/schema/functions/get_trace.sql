-- Every row of this schema that a trace has, as bars of a waterfall, oldest first: sessions, their
-- runs and the waits between, pages that were connected, and what other services reported.
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
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  -- A workspace's token sees what was delivered to it, not the pages' conversations.
  if p_workspace_id is not null then
    return;
  end if;
  return query
  select bars.*
  from (
    select 'pages', p.page_id, 0, 'page connected', p.created_at, p.created_at, false, 'connected',
      jsonb_build_object('page_id', p.page_id), jsonb_build_object('platform', p.platform),
      null::text, '{}'::text[]
    from pages p
    where p.trace_id = p_trace_id
    union all
    select 'sync_state', s.session_id, 0, 'sync ' || s.mode, s.started_at, s.ended_at, false,
      s.status, jsonb_build_object('session_id', s.session_id, 'page_id', s.page_id),
      jsonb_strip_nulls(jsonb_build_object('phase', s.phase, 'calls', s.calls,
        'conversations_seen', s.conversations_seen, 'conversations_new', s.conversations_new,
        'messages_seen', s.messages_seen, 'messages_new', s.messages_new, 'rejected', s.rejected,
        'completeness', s.completeness, 'error', s.error)),
      null::text, '{}'::text[]
    from sync_state s
    where s.trace_id = p_trace_id
    union all
    select 'sync_runs', r.run_id, r.number, 'pull', r.started_at, r.ended_at, false,
      coalesce(r.outcome, 'running'), jsonb_build_object('session_id', r.session_id),
      jsonb_strip_nulls(jsonb_build_object('calls', r.calls, 'error', r.error,
        'locked_by', r.locked_by)),
      nullif(r.attempt_trace_id, r.trace_id)::text, '{}'::text[]
    from sync_runs r
    where r.trace_id = p_trace_id
    union all
    select 'sync_runs', r.run_id, r.number, 'wait to go on', r.ended_at,
      (select min(n.started_at) from sync_runs n
       where n.org_id = r.org_id and n.session_id = r.session_id and n.number > r.number),
      true, r.outcome, jsonb_build_object('session_id', r.session_id), '{}'::jsonb, null::text,
      '{}'::text[]
    from sync_runs r
    where r.trace_id = p_trace_id and r.ended_at is not null
      and r.outcome not in ('finished', 'failed')
    union all
    select 'told_events', t.event_id, 0, 'event ' || t.type, t.recorded_at, t.recorded_at, false,
      t.outcome,
      jsonb_strip_nulls(jsonb_build_object('page_id', t.page_id, 'event_id', t.event_id,
        'conversation_id', e.conversation_id, 'lead_id', e.lead_id, 'subject_id', e.subject_id)),
      jsonb_build_object('teller', t.teller), null::text, '{}'::text[]
    from told_events t
    left join contact_interaction_events e using (org_id, event_id)
    where t.trace_id = p_trace_id
    union all
    select * from get_outbox_trace(p_trace_id)
    union all
    select * from get_repeats_trace(p_trace_id)
  ) as bars (source_table, key, attempt, name, started_at, ended_at, waiting, outcome, ids,
    details, attempt_trace_id, linked_trace_ids)
  order by bars.started_at, bars.waiting desc;
end;
$$;
