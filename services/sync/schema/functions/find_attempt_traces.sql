-- The business traces of tries whose own trace p_trace_id is, and whose they are: a retry's log line
-- has its own. For callers that serve all orgs, or keep to their own.
create or replace function find_attempt_traces(p_trace_id text)
returns table (org_id uuid, trace_id text)
language sql
stable
security definer
set search_path from current
as $$
  select distinct a.org_id, a.trace_id::text
  from sync_runs a
  where a.attempt_trace_id = p_trace_id
    and a.attempt_trace_id <> a.trace_id;
$$;
