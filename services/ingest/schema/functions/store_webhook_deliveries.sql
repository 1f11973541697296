-- Stores raw webhooks with their items, in one transaction: the commit that is acknowledged.
-- Deliveries and items come as parallel arrays; an item names its delivery. Items whose page,
-- account or number the directory knows go to that org, under one webhook_delivery_log row for
-- each delivery and org; the others are kept as orphans, until
-- `replay_webhook_orphans`. An item with a disposition is kept as that:
-- 'dead_letter' where it is malformed, 'ignored' where it is of no use. What happened in a page's
-- conversation is handed to sync by outbox: messages beside the lead they may make, and what is no
-- lead ('stored') by that alone.
-- A log row has the id of its first item. A delivery_id that is there already is left as it is, so a
-- repeat is harmless.
create or replace function store_webhook_deliveries(
  p_delivery_ids uuid[],
  p_app_ids uuid[],
  p_paths text[],
  p_headers jsonb[],
  p_bodies bytea[],
  p_traceparents text[],
  p_linked_traceparents text[],
  p_item_delivery_ids uuid[],
  p_item_ids uuid[],
  p_item_ordinals int[],
  p_item_kinds text[],
  p_item_external_ids text[],
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
declare
  v_new uuid[];
  v_org_ids uuid[];
  v_source_ids uuid[];
begin
  with stored as (
    insert into webhook_deliveries (delivery_id, app_id, path, headers, body, item_count,
      received_at, trace_id, traceparent, linked_traceparent)
    select d.delivery_id, d.app_id, d.path, d.headers, d.body, coalesce(i.item_count, 0),
      p_now, substr(d.traceparent, 4, 32), d.traceparent, d.linked_traceparent
    from unnest(p_delivery_ids, p_app_ids, p_paths, p_headers, p_bodies, p_traceparents,
        p_linked_traceparents)
      as d (delivery_id, app_id, path, headers, body, traceparent, linked_traceparent)
    left join (
      select i.delivery_id, count(*) as item_count
      from unnest(p_item_delivery_ids) as i (delivery_id)
      group by i.delivery_id
    ) i using (delivery_id)
    on conflict do nothing
    returning webhook_deliveries.delivery_id
  )
  select coalesce(array_agg(delivery_id), '{}') into v_new from stored;

  -- The directory is read once: a source that is created meanwhile must not make an item's disposition
  -- two. Null where it knows none.
  select coalesce(array_agg(s.owner_org_id order by i.position), '{}'),
    coalesce(array_agg(s.source_id order by i.position), '{}')
  into v_org_ids, v_source_ids
  from unnest(p_item_source_kinds, p_item_source_external_ids) with ordinality
    as i (kind, external_id, position)
  left join source_directory s on s.kind = i.kind and s.external_id = i.external_id;

  perform set_tenant(array(select distinct o from unnest(v_org_ids) o where o is not null));

  if array_position(v_org_ids, null) is not null then
    insert into webhook_orphans (delivery_id, ordinal, item_id, kind, external_id, source_kind,
      source_external_id, status, reason, payload, received_at, trace_id, traceparent)
    select i.delivery_id, i.ordinal, i.item_id, i.kind, i.external_id, i.source_kind,
      i.source_external_id,
      case i.disposition when 'dead_letter' then 'dead_letter' else 'ignored' end,
      case when i.disposition is null or i.disposition = 'stored' then 'unknown_source' else i.reason end,
      i.payload, p_now, substr(i.traceparent, 4, 32), i.traceparent
    from unnest(p_item_delivery_ids, p_item_ids, p_item_ordinals, p_item_kinds,
        p_item_external_ids, v_org_ids, p_item_source_kinds, p_item_source_external_ids,
        p_item_payloads, p_item_dispositions, p_item_reasons, p_item_traceparents)
      as i (delivery_id, item_id, ordinal, kind, external_id, org_id, source_kind,
        source_external_id, payload, disposition, reason, traceparent)
    where i.delivery_id = any (v_new) and i.org_id is null;
  end if;

  with given as materialized (
    select i.*, d.traceparent as webhook_traceparent,
      -- Ids made by the application sort by time, and a random one would not.
      first_value(i.item_id) over (partition by i.org_id, i.delivery_id order by i.ordinal)
        as log_id
    from unnest(p_item_delivery_ids, p_item_ids, p_item_ordinals, p_item_kinds,
        p_item_external_ids, v_org_ids, v_source_ids, p_item_source_kinds,
        p_item_source_external_ids, p_item_payloads, p_item_dispositions, p_item_reasons,
        p_item_traceparents)
      as i (delivery_id, item_id, ordinal, kind, external_id, org_id, source_id, source_kind,
        source_external_id, payload, disposition, reason, traceparent)
    join unnest(p_delivery_ids, p_traceparents) as d (delivery_id, traceparent)
      using (delivery_id)
    where i.delivery_id = any (v_new) and i.org_id is not null
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
