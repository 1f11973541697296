-- Enqueues an event to sync's timeline for each offer of p_offer_ids that exists, only once by its
-- id. The caller has set the tenant.
create or replace function enqueue_offer_events(
  p_org_ids uuid[],
  p_offer_ids uuid[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
    trace_id, traceparent, tracestate)
  select o.org_id, gen_random_uuid(), 'sync.delivery_events', o.offer_id,
    jsonb_build_object('type', 'offer_made', 'lead_id', o.lead_id, 'subject_id', o.offer_id,
      'occurred_at', p_now, 'details', jsonb_build_object('workspace_id', o.workspace_id)),
    p_now, p_now, o.trace_id, o.traceparent, o.tracestate
  from unnest(p_org_ids, p_offer_ids) as n (org_id, offer_id)
  -- One look-up by key an offer, whatever the statistics of a table that fills fast say.
  cross join lateral (
    select o.*
    from lead_offers o
    where o.org_id = n.org_id and o.offer_id = n.offer_id
    limit 1
  ) o
  on conflict do nothing;
$$;
