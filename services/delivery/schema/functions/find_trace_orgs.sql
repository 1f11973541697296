-- runs as: system
-- Which orgs have rows of a trace. For callers who may ask for any org's. Whatever comes of an offer
-- has its trace.
create or replace function find_trace_orgs(p_trace_id text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select org_id from lead_offers where trace_id = p_trace_id
  union
  select org_id from credit_transactions
  where trace_id = p_trace_id and type <> 'CREDIT_CONSUMPTION'
  union
  select org_id from endpoints where trace_id = p_trace_id
  union
  select org_id from workspaces where trace_id = p_trace_id;
$$;
