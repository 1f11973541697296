-- runs as: system
-- The orgs that have rows of the trace: for operators, who belong to no org.
create or replace function find_trace_orgs(p_trace_id text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select f.org_id from lead_facts f where f.trace_id = p_trace_id
  union
  select w.org_id from workspaces w where w.trace_id = p_trace_id
  union
  select v.org_id from rule_versions v where v.trace_id = p_trace_id
  union
  select o.org_id from outbox o where o.trace_id = p_trace_id;
$$;
