-- Puts a failed or dead-lettered delivery back into the queue under the same webhook id, its
-- attempts counted from zero. Raises WB062 DELIVERY_NOT_FOUND, WB063 DELIVERY_STATE_REFUSED (it
-- has another status, or its offer is not at LEAD_READY any more).
create or replace function redeliver_delivery(
  p_org_id uuid,
  p_delivery_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_status text;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  -- No lock on a row in another state: waking parked deliveries skips locked ones.
  update deliveries d
  set status = 'PENDING',
      reason = null,
      attempt_count = 0,
      due_at = p_now,
      completed_at = null
  where d.org_id = p_org_id and d.delivery_id = p_delivery_id
    and d.status in ('FAILED', 'DEAD_LETTER')
    and exists (
      select from lead_offers o
      where o.org_id = d.org_id and o.offer_id = d.offer_id and o.status = 'LEAD_READY');
  if found then
    update delivery_endpoints
    set status = 'pending',
        updated_at = p_now
    where org_id = p_org_id and delivery_id = p_delivery_id and status = 'failed';
    return;
  end if;
  select d.status into v_status
  from deliveries d
  where d.org_id = p_org_id and d.delivery_id = p_delivery_id;
  if v_status is null then
    perform refuse(62, 'There is no such delivery.',
      jsonb_build_object('delivery_id', p_delivery_id));
  end if;
  perform refuse(63, 'Only a failed delivery whose offer is still ready can be tried again.',
    jsonb_build_object('delivery_id', p_delivery_id, 'status', v_status));
end;
$$;
