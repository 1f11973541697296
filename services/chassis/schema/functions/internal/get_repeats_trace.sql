-- The repeats' part of a trace, as bars: which call was repeated, how often, and the last repeat's
-- trace. RLS decides which orgs' rows are seen; the caller has set the tenant.
create or replace function get_repeats_trace(p_trace_id text)
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
  select 'repeats', r.repeat_id, 0, 'repeat of ' || r.call, r.first_repeated_at, r.last_repeated_at,
    false, 'done before', jsonb_build_object('subject', r.subject),
    jsonb_build_object('times', r.repeat_count), nullif(r.last_trace_id, r.trace_id)::text,
    '{}'::text[]
  from repeats r
  where r.trace_id = p_trace_id;
$$;
