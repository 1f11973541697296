-- Makes items of the orphans that came before their source was created.
--   - each becomes what it would have been, under its own id and trace, as an item of the source's org;
--   - the oldest come first, at most p_limit in one call;
--   - an orphan moves, so a repeat does not find it again;
--   - returns how many moved, and whether there are more.
-- Raises WB020 SOURCE_NOT_FOUND.
create or replace function replay_webhook_orphans(
  p_source_kind text,
  p_source_external_id text,
  p_limit int,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (replayed_count int, has_more boolean)
language plpgsql
set search_path from current
as $$
declare
  v_org_id uuid;
  v_source_id uuid;
  v_item_ids uuid[];
begin
  select s.owner_org_id, s.source_id into v_org_id, v_source_id
  from source_directory s
  where s.kind = p_source_kind and s.external_id = p_source_external_id;
  if v_source_id is null then
    perform refuse(20, 'No org has such a source. Create it first, then replay.',
      jsonb_build_object('kind', p_source_kind, 'external_id', p_source_external_id));
  end if;
  perform set_tenant(array[v_org_id], null, p_traceparent);

  with taken as (
    delete from webhook_orphans o
    where o.reason = 'unknown_source' and o.item_id in (
      select c.item_id
      from webhook_orphans c
      where c.source_kind = p_source_kind and c.source_external_id = p_source_external_id
        and c.reason = 'unknown_source'
      order by c.item_id
      limit p_limit)
    returning o.*
  ), decided as (
    -- What a worker handles is pending; the rest is only handed to sync.
    select t.*, t.kind in ('leadgen', 'message') as is_open, d.traceparent as webhook_traceparent
    from taken t
    join webhook_deliveries d using (delivery_id)
  ), logs as (
    insert into webhook_delivery_log as l (org_id, id, delivery_id, event_type, event_id,
      received_at, status, item_count, created_at, trace_id)
    select v_org_id, (array_agg(d.item_id order by d.ordinal))[1], d.delivery_id, p_source_kind,
      d.delivery_id::text, min(d.received_at), 'pending', count(*), p_now,
      min(substr(d.webhook_traceparent, 4, 32))
    from decided d
    group by d.delivery_id
    on conflict (org_id, delivery_id) do update
    set item_count = l.item_count + excluded.item_count
    returning l.id, l.delivery_id
  ), handed_over as (
    insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
      trace_id, traceparent)
    select v_org_id, d.item_id, 'sync.record_events', d.item_id,
      jsonb_build_object(
        'platform', case p_source_kind when 'meta_page' then 'messenger' else 'instagram' end,
        'facebook_page_id', p_source_external_id,
        'payload', d.payload::text,
        'received_at', d.received_at),
      p_now, p_now, d.trace_id, d.traceparent
    from decided d
    where p_source_kind in ('meta_page', 'instagram_account') and d.kind <> 'leadgen'
  ), made as (
    insert into webhook_items (org_id, item_id, log_id, delivery_id, ordinal, kind, external_id,
      source_id, payload, status, reason, received_at, due_at, settled_at, trace_id, traceparent,
      linked_traceparent)
    select v_org_id, d.item_id, l.id, d.delivery_id, d.ordinal, d.kind, d.external_id,
      v_source_id, d.payload,
      case when d.is_open then 'pending' else 'stored' end,
      case when not d.is_open then 'handed_to_sync' end,
      d.received_at, p_now, case when not d.is_open then p_now end,
      d.trace_id, d.traceparent, d.webhook_traceparent
    from decided d
    join logs l using (delivery_id)
    returning item_id
  )
  select coalesce(array_agg(m.item_id), '{}') into v_item_ids from made m;

  perform refresh_delivery_log(array_fill(v_org_id, array[cardinality(v_item_ids)]), v_item_ids, null,
    p_now);
  return query
  select cardinality(v_item_ids), exists (
    select from webhook_orphans o
    where o.source_kind = p_source_kind and o.source_external_id = p_source_external_id
      and o.reason = 'unknown_source');
end;
$$;
