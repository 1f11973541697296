-- Where a lead's routing stands; no row where there is no such lead here.
create or replace function get_routing(
  p_org_id uuid,
  p_lead_id uuid
) returns table (
  routing_status text,
  workspace_id uuid,
  routing_error text,
  routing_attempts int,
  next_retry_at timestamptz,
  trace_id text
)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select l.routing_status, l.workspace_id, l.routing_error, l.routing_attempts, q.next_retry_at,
    l.trace_id::text
  from leads l
  left join lead_routing_queue q using (org_id, lead_id)
  where l.org_id = p_org_id and l.lead_id = p_lead_id;
end;
$$;
