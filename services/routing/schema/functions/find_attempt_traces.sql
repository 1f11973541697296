-- runs as: system
-- The business traces, and their orgs, of the attempts and repeats that ran in the trace p_trace_id:
-- the log line of a retry has a trace of its own. For callers that serve all orgs, or keep to theirs.
create or replace function find_attempt_traces(p_trace_id text)
returns table (org_id uuid, trace_id text)
language sql
stable
security definer
set search_path from current
as $$
  select a.org_id, a.trace_id::text
  from lead_routing_logs a
  where a.attempt_trace_id = p_trace_id
    and a.attempt_trace_id <> a.trace_id
  union
  select r.org_id, r.trace_id::text
  from repeats r
  where r.last_trace_id = p_trace_id and r.last_trace_id <> r.trace_id;
$$;
