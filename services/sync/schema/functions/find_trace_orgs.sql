-- runs as: system
-- Which orgs have rows of a trace: for callers that serve all orgs and hold a trace id.
-- tested by: test_find_traces.py
create or replace function find_trace_orgs(p_trace_id text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select s.org_id from sync_state s where s.trace_id = p_trace_id
  union
  select t.org_id from told_events t where t.trace_id = p_trace_id
  union
  select r.org_id from sync_runs r where r.trace_id = p_trace_id;
$$;
