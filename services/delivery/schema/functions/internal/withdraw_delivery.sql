-- Ends the delivery of an offer that left LEAD_READY, and releases its credit.
-- For use by advance_offer, which has set the tenant and locked the delivery.
-- Raises WB063 DELIVERY_STATE_REFUSED while it is being sent.
create or replace function withdraw_delivery(
  p_org_id uuid,
  p_offer_id uuid,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_delivery deliveries;
begin
  select * into v_delivery
  from deliveries
  where org_id = p_org_id and offer_id = p_offer_id
  for update;
  if v_delivery.claim_expires_at > p_now then -- fence: lease
    perform refuse(63, 'The lead is being sent at this moment. Try again.', jsonb_build_object(
      'delivery_id', v_delivery.delivery_id, 'status', v_delivery.status));
  end if;
  if v_delivery.status in ('PENDING', 'IN_PROGRESS') then
    perform end_deliveries(array[p_org_id], array[v_delivery.delivery_id], array['FAILED'],
      array[coalesce(v_delivery.reason, 'withdrawn')], p_now);
  end if;
  perform end_waits(array[p_org_id], array[v_delivery.delivery_id], p_now);
  perform end_unfinished_attempts(array[p_org_id], array[v_delivery.delivery_id],
    'the lease was lost before an answer was reported', p_now);
  perform release_holds(array[p_org_id], array[v_delivery.delivery_id], 'released', 'withdrawn',
    p_now);
end;
$$;
