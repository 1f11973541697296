-- Completes one delivery; complete_deliveries_and_consume_credits with a batch of one.
create or replace function complete_delivery_and_consume_credit(
  p_org_id uuid,
  p_delivery_id uuid,
  p_traceparent text,
  p_token uuid default null,
  p_status text default 'DELIVERED',
  p_now timestamptz default now()
) returns text
language sql
set search_path from current
as $$
  select c.outcome
  from complete_deliveries_and_consume_credits(array[p_org_id], array[p_delivery_id],
    array[p_token], array[p_status], array[p_traceparent], p_now) c;
$$;
