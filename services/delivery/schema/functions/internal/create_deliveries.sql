-- Creates the delivery of each offer, due at once. An offer that returns to LEAD_READY has its one
-- delivery already, which is queued again, its attempts counted from zero.
-- For use by other functions, which have set the tenant and moved the offers.
create or replace function create_deliveries(
  p_org_ids uuid[],
  p_offer_ids uuid[],
  p_delivery_ids uuid[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  with put as (
    insert into deliveries as d (org_id, delivery_id, offer_id, lead_id, workspace_id, created_at,
      due_at, trace_id, traceparent, tracestate)
    select o.org_id, n.delivery_id, o.offer_id, o.lead_id, o.workspace_id, p_now, p_now,
      o.trace_id, o.traceparent, o.tracestate
    from unnest(p_org_ids, p_offer_ids, p_delivery_ids) as n (org_id, offer_id, delivery_id)
    cross join lateral (
      select o.*
      from lead_offers o
      where o.org_id = n.org_id and o.offer_id = n.offer_id
      limit 1
    ) o
    order by o.org_id, o.offer_id
    on conflict (org_id, offer_id) do update
    set status = 'PENDING',
        waiting_for = null,
        reason = null,
        attempt_count = 0,
        due_at = excluded.due_at,
        completed_at = null
    where d.status in ('FAILED', 'DEAD_LETTER')
    returning d.org_id, d.delivery_id
  )
  update delivery_endpoints e
  set status = 'pending',
      updated_at = p_now
  from put
  where e.org_id = put.org_id and e.delivery_id = put.delivery_id and e.status = 'failed';
$$;
