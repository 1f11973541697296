-- Ends deliveries as DELIVERED, PARTIAL, FAILED or DEAD_LETTER, with a reason or without, and
-- enqueues one event for each to sync's timeline; that of a delivered one includes the credit that
-- it cost. A delivered one ends only once, so its event has its id; a failed one may be queued
-- again and end again. For use by other functions, which have set the tenant or run as the system
-- role, locked the deliveries and decided.
create or replace function end_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_statuses text[],
  p_reasons text[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
declare
  -- Drawn once for all: randomness costs more than a look-up.
  v_id_start constant text := left(gen_random_uuid()::text, 24);
begin
  with ended as (
    update deliveries d
    set status = n.status,
        waiting_for = null,
        reason = n.reason,
        completed_at = p_now,
        claim_token = null,
        claim_expires_at = null
    from unnest(p_org_ids, p_delivery_ids, p_statuses, p_reasons)
      with ordinality as n (org_id, delivery_id, status, reason, place)
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id
    returning d.org_id, d.delivery_id, d.offer_id, d.lead_id, d.workspace_id, d.status, d.reason,
      d.attempt_count, d.trace_id, d.traceparent, d.tracestate, n.place,
      d.status in ('DELIVERED', 'PARTIAL') as is_delivered
  )
  insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
    trace_id, traceparent, tracestate)
  select e.org_id, (v_id_start || lpad(to_hex(e.place), 12, '0'))::uuid, 'sync.delivery_events',
    case when e.is_delivered then e.delivery_id else gen_random_uuid() end,
    jsonb_build_object('type', 'delivery_' || lower(e.status), 'lead_id', e.lead_id,
      'subject_id', e.delivery_id, 'occurred_at', p_now,
      'details', jsonb_strip_nulls(jsonb_build_object('offer_id', e.offer_id,
        'workspace_id', e.workspace_id, 'attempts', e.attempt_count, 'reason', e.reason,
        'credits_consumed', e.is_delivered::int))),
    p_now, p_now, e.trace_id, e.traceparent, e.tracestate
  from ended e;
end;
$$;
