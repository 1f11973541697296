-- Asks sync to write into the leads' timelines how deliveries ended, one event for each: where it
-- was delivered, the credit that it cost is part of it. Only a delivered one ends once for all, so
-- its event bears its id; a failed one may be put back to work and end again.
-- The caller has entered, and ended the deliveries.
create or replace function enqueue_delivery_events(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
declare
  -- Drawn once for all: randomness costs more than a look-up.
  v_id_start constant text := left(gen_random_uuid()::text, 24);
begin
  insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
    trace_id, traceparent, tracestate)
  select d.org_id, (v_id_start || lpad(to_hex(n.place), 12, '0'))::uuid, 'sync.delivery_events',
    case when d.is_delivered then d.delivery_id else gen_random_uuid() end,
    jsonb_build_object('type', 'delivery_' || lower(d.status), 'lead_id', d.lead_id,
      'subject_id', d.delivery_id, 'occurred_at', p_now,
      'details', jsonb_strip_nulls(jsonb_build_object('offer_id', d.offer_id,
        'workspace_id', d.workspace_id, 'attempts', d.attempt_count, 'reason', d.reason,
        'credits_consumed', d.is_delivered::int))),
    p_now, p_now, d.trace_id, d.traceparent, d.tracestate
  from unnest(p_org_ids, p_delivery_ids) with ordinality as n (org_id, delivery_id, place)
  -- One look-up by key a delivery, whatever the statistics of a table that fills fast say.
  cross join lateral (
    select d.*, d.status in ('DELIVERED', 'PARTIAL') as is_delivered
    from deliveries d
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id
    limit 1
  ) d;
end;
$$;
