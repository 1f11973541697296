-- A page of deliveries, newest first, before p_before (null: from the newest); of one workspace or
-- status, or of all where those are null. last_error is what the latest attempt failed with, null
-- where none failed or everything is delivered.
create or replace function list_deliveries_v2(
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
  trace_id text,
  last_error text
)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_workspace_id constant uuid := coalesce(p_of_workspace_id, p_workspace_id);
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select d.delivery_id, d.offer_id, d.lead_id, d.workspace_id, d.status, d.waiting_for,
    d.attempt_count,
    case when d.status = 'PENDING' and coalesce(d.waiting_for, 'retry') = 'retry' then d.due_at end,
    d.created_at, d.completed_at, d.trace_id::text,
    case when d.status <> 'DELIVERED' then last_error(d.org_id, d.delivery_id) end
  from deliveries d
  where d.org_id = p_org_id
    -- The policy hides other workspaces from a workspace's token, but does not lead to the index.
    and (v_workspace_id is null or d.workspace_id = v_workspace_id)
    and (p_status is null or d.status = p_status)
    and (p_before is null or d.delivery_id < p_before)
  order by d.delivery_id desc
  limit p_limit;
end;
$$;
