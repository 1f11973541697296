-- runs as: system
-- The orgs that have rows of a trace; every row that follows from an offer has the offer's trace.
-- For callers that may ask for any org's.
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
