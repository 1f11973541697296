-- runs as: system
-- Which orgs have rows of a trace, for callers that may read every org.
create or replace function find_trace_orgs(p_trace_id text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select org_id from appointments where trace_id = p_trace_id
  union
  select org_id from audit_logs where trace_id = p_trace_id
  union
  select org_id from claims where trace_id = p_trace_id
  union
  select org_id from holds where trace_id = p_trace_id
  union
  select org_id from waitlist_entries where trace_id = p_trace_id;
$$;
