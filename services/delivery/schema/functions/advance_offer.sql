-- Moves an offer one step, for a tenant.
--   - To LEAD_READY also creates its delivery: p_delivery_id unless it has one already.
--   - SENT_TO_DEVELOPER is reached only by completing the delivery.
--   - The delivery of an offer that leaves LEAD_READY becomes FAILED, its credit is released.
--   - Returns the offer; the same request id returns what it returned the first time.
--   - Raises WB060 OFFER_NOT_FOUND, WB061 TRANSITION_REFUSED, WB063 DELIVERY_STATE_REFUSED (the
--     lead is being sent at this moment), WB005 REQUEST_ID_REUSED.
create or replace function advance_offer(
  p_org_id uuid,
  p_offer_id uuid,
  p_to_status text,
  p_delivery_id uuid,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (
  offer_id uuid,
  lead_id uuid,
  workspace_id uuid,
  status text,
  delivery_id uuid,
  created_at timestamptz,
  trace_id text
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_answer jsonb;
  v_from text;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is null then
    -- Deliveries are locked before accounts and offers, here as everywhere.
    perform lock_deliveries(array_agg(d.org_id), array_agg(d.delivery_id))
    from deliveries d
    where d.org_id = p_org_id and d.offer_id = p_offer_id;
    select o.status into v_from
    from lead_offers o
    where o.org_id = p_org_id and o.offer_id = p_offer_id
    for update;
    if v_from is null then
      perform refuse(60, 'There is no such offer.', jsonb_build_object('offer_id', p_offer_id));
    end if;
    if p_to_status = 'SENT_TO_DEVELOPER' then
      perform refuse(61, 'An offer is sent by completing its delivery.',
        jsonb_build_object('from', v_from, 'to', p_to_status));
    end if;
    perform move_offers(array[p_org_id], array[p_offer_id], v_from, p_to_status,
      array['tenant'], p_now);
    if p_to_status = 'LEAD_READY' then
      perform create_deliveries(array[p_org_id], array[p_offer_id], array[p_delivery_id], p_now);
    elsif v_from = 'LEAD_READY' then
      perform withdraw_delivery(p_org_id, p_offer_id, p_now);
    end if;
    select to_jsonb(o) into v_answer
    from get_offer(p_org_id, null, p_offer_id) o;
    perform finish_request(p_org_id, p_request_id, v_answer);
  end if;
  return query
  select a.*
  from jsonb_to_record(v_answer) as a (offer_id uuid, lead_id uuid, workspace_id uuid, status text,
    delivery_id uuid, created_at timestamptz, trace_id text);
end;
$$;
