-- runs as: system
-- The business traces of attempts and repeats that have p_trace_id as their own trace (a retry's
-- log line names its own), and their orgs. For callers that serve all orgs or filter by their own.
create or replace function find_attempt_traces(p_trace_id text)
returns table (org_id uuid, trace_id text)
language sql
stable
security definer
set search_path from current
as $$
  select a.org_id, a.trace_id::text
  from attempts a
  where substr(a.attempt_traceparent, 4, 32) = p_trace_id
    and substr(a.attempt_traceparent, 4, 32) <> a.trace_id
  union
  select r.org_id, r.trace_id::text
  from repeats r
  where r.last_trace_id = p_trace_id and r.last_trace_id <> r.trace_id;
$$;
