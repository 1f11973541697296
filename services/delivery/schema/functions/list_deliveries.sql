-- tested by: test_list_deliveries_v2.py
-- As list_deliveries_v2, without the last error: for processes of the release before that.
create or replace function list_deliveries(
  p_org_id uuid,
  p_workspace_id uuid,
  p_of_workspace_id uuid,
  p_status text,
  p_limit int,
  p_before uuid default null
) returns table (
  delivery_id uuid,
  offer_id uuid,
  lead_id uuid,
  workspace_id uuid,
  status text,
  waiting_for text,
  attempt_count int,
  next_attempt_at timestamptz,
  created_at timestamptz,
  completed_at timestamptz,
  trace_id text
)
language sql
set search_path from current
as $$
  select delivery_id, offer_id, lead_id, workspace_id, status, waiting_for, attempt_count,
    next_attempt_at, created_at, completed_at, trace_id
  from list_deliveries_v2(p_org_id, p_workspace_id, p_of_workspace_id, p_status, p_limit, p_before);
$$;
