-- The outbox's part of a trace, as bars: each handoff's wait in the queue, and its last attempt.
-- RLS decides which orgs' rows are seen; the caller has set the tenant.
create or replace function get_outbox_trace(p_trace_id text)
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
  select 'outbox', o.outbox_id, 0, 'queue ' || o.topic, o.enqueued_at,
    coalesce(o.claimed_at, o.settled_at), true,
    case when o.claimed_at is null then 'pending' else 'claimed' end,
    jsonb_build_object('subject_id', o.subject_id), '{}'::jsonb, null::text, '{}'::text[]
  from outbox o
  where o.trace_id = p_trace_id
  union all
  select 'outbox', o.outbox_id, o.attempts, 'handoff ' || o.topic, o.claimed_at, o.settled_at,
    false, o.status, jsonb_build_object('subject_id', o.subject_id),
    jsonb_strip_nulls(jsonb_build_object('attempts', o.attempts, 'error', o.last_error)),
    null::text, '{}'::text[]
  from outbox o
  where o.trace_id = p_trace_id and o.claimed_at is not null;
$$;
