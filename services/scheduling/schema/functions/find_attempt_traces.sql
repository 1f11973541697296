-- runs as: system
-- The business traces of repeated requests whose latest call had the trace p_trace_id, with their
-- orgs; scheduling has no attempts of its own. For callers that may read every org, or that keep
-- only their own rows.
create or replace function find_attempt_traces(p_trace_id text)
returns table (org_id uuid, trace_id text)
language sql
stable
security definer
set search_path from current
as $$
  select r.org_id, r.trace_id::text
  from repeats r
  where r.last_trace_id = p_trace_id and r.last_trace_id <> r.trace_id;
$$;
