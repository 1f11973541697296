-- runs as: system
-- The business traces, with their orgs, of the attempts and repeats that have p_trace_id as their own
-- trace, which is in their log lines. For callers that serve all orgs, or keep to their own.
create or replace function find_attempt_traces(p_trace_id text)
returns table (org_id uuid, trace_id text)
language sql
stable
security definer
set search_path from current
as $$
  select a.org_id, a.trace_id::text
  from sync_runs a
  where a.attempt_trace_id = p_trace_id
    and a.attempt_trace_id <> a.trace_id
  union
  select r.org_id, r.trace_id::text
  from repeats r
  where r.last_trace_id = p_trace_id and r.last_trace_id <> r.trace_id;
$$;
