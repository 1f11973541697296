-- A page of the org's webhook items, newest first, before p_before (null: from the newest), of one
-- status (null: all).
create or replace function list_webhook_items(
  p_org_id uuid,
  p_status text,
  p_item_id uuid,
  p_limit int,
  p_before uuid default null
) returns table (
  item_id uuid,
  delivery_id uuid,
  kind text,
  external_id text,
  status text,
  reason text,
  attempts int,
  lead_id uuid,
  received_at timestamptz,
  trace_id text
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select i.item_id, i.delivery_id, i.kind, i.external_id, i.status, i.reason, i.attempts,
    i.lead_id, i.received_at, i.trace_id::text
  from webhook_items i
  where i.org_id = p_org_id
    and (p_status is null or i.status = p_status)
    and (p_item_id is null or i.item_id = p_item_id)
    and (p_before is null or i.item_id < p_before)
  order by i.item_id desc
  limit p_limit;
end;
$$;
