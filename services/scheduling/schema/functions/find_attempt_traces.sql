-- The business traces of tries whose own trace p_trace_id is: scheduling has no tries.
create or replace function find_attempt_traces(p_trace_id text)
returns table (org_id uuid, trace_id text)
language sql
stable
security definer
set search_path from current
as $$
  select a.org_id, a.trace_id::text from appointments a where false;
$$;
