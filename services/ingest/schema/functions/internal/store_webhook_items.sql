-- Stores those of the new deliveries' items that have an org; the caller has set the tenant.
--   - each delivery and org gets a webhook_delivery_log row, with the id of its first item;
--   - an item with a disposition has it as its status ('dead_letter': malformed, 'ignored': of no use,
--     'stored': only for sync); one without is pending;
--   - what happens in a page's conversation is handed to sync by outbox: messages beside the lead that
--     they may make, and items 'stored'.
-- For use by store_webhook_deliveries.
create or replace function store_webhook_items(
  p_new_delivery_ids uuid[],
  p_delivery_ids uuid[],
  p_traceparents text[],
  p_item_delivery_ids uuid[],
  p_item_ids uuid[],
  p_item_ordinals int[],
  p_item_kinds text[],
  p_item_external_ids text[],
  p_item_org_ids uuid[],
  p_item_source_ids uuid[],
  p_item_source_kinds text[],
  p_item_source_external_ids text[],
  p_item_payloads json[],
  p_item_dispositions text[],
  p_item_reasons text[],
  p_item_traceparents text[],
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
begin
  with given as materialized (
    select i.*, d.traceparent as webhook_traceparent,
      -- Ids made by the application sort by time, and a random one would not.
      first_value(i.item_id) over (partition by i.org_id, i.delivery_id order by i.ordinal)
        as log_id
    from unnest(p_item_delivery_ids, p_item_ids, p_item_ordinals, p_item_kinds,
        p_item_external_ids, p_item_org_ids, p_item_source_ids, p_item_source_kinds,
        p_item_source_external_ids, p_item_payloads, p_item_dispositions, p_item_reasons,
        p_item_traceparents)
      as i (delivery_id, item_id, ordinal, kind, external_id, org_id, source_id, source_kind,
        source_external_id, payload, disposition, reason, traceparent)
    join unnest(p_delivery_ids, p_traceparents) as d (delivery_id, traceparent)
      using (delivery_id)
    where i.delivery_id = any (p_new_delivery_ids) and i.org_id is not null
  ), logged as (
    insert into webhook_delivery_log (org_id, id, delivery_id, event_type, event_id, received_at,
      status, completed_at, item_count, created_at, trace_id)
    select g.org_id, g.log_id, g.delivery_id, min(g.source_kind), g.delivery_id::text, p_now,
      case
        when bool_or(g.disposition is null) then 'pending'
        when bool_or(g.disposition = 'dead_letter') then 'dead_letter'
        else 'completed'
      end,
      case when bool_and(g.disposition is not null) then p_now end,
      count(*), p_now, substr(g.webhook_traceparent, 4, 32)
    from given g
    group by g.org_id, g.log_id, g.delivery_id, g.webhook_traceparent
  ), handed_over as (
    insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
      trace_id, traceparent)
    select g.org_id, g.item_id, 'sync.record_events', g.item_id,
      jsonb_build_object(
        'platform', case g.source_kind when 'meta_page' then 'messenger' else 'instagram' end,
        'facebook_page_id', g.source_external_id,
        -- As text: the jsonb type holds no NUL, which the json type and text with escapes do.
        'payload', g.payload::text,
        'received_at', p_now),
      p_now, p_now, substr(g.traceparent, 4, 32), g.traceparent
    from given g
    where g.source_kind in ('meta_page', 'instagram_account')
      and (g.disposition = 'stored' or (g.kind = 'message' and g.disposition is null))
  )
  insert into webhook_items (org_id, item_id, log_id, delivery_id, ordinal, kind, external_id,
    source_id, payload, status, reason, received_at, due_at, settled_at, trace_id, traceparent,
    linked_traceparent)
  select g.org_id, g.item_id, g.log_id, g.delivery_id, g.ordinal, g.kind, g.external_id,
    g.source_id, g.payload, coalesce(g.disposition, 'pending'), g.reason, p_now, p_now,
    case when g.disposition is not null then p_now end,
    substr(g.traceparent, 4, 32), g.traceparent, g.webhook_traceparent
  from given g;
end;
$$;
