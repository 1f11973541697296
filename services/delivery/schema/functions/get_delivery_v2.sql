-- One delivery, or no row. next_attempt_at is null while no attempt is planned; last_error is what
-- the latest attempt failed with, null where none failed or everything is delivered.
create or replace function get_delivery_v2(
  p_org_id uuid,
  p_workspace_id uuid,
  p_delivery_id uuid
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
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select d.delivery_id, d.offer_id, d.lead_id, d.workspace_id, d.status, d.waiting_for,
    d.attempt_count,
    case when d.status = 'PENDING' and coalesce(d.waiting_for, 'retry') = 'retry' then d.due_at end,
    d.created_at, d.completed_at, d.trace_id::text,
    case when d.status <> 'DELIVERED' then last_error(d.org_id, d.delivery_id) end
  from deliveries d
  where d.org_id = p_org_id and d.delivery_id = p_delivery_id;
end;
$$;
