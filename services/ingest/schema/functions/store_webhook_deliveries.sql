-- Stores raw webhooks with their items, in one transaction: the commit that is acknowledged.
--   - deliveries and items come as parallel arrays; an item names its delivery;
--   - p_item_fates holds the items' dispositions (the argument's name is older than the word);
--   - items whose page, account or number the directory knows go to that org (store_webhook_items);
--     the others become orphans until replay_webhook_orphans (store_webhook_orphans);
--   - a delivery_id that is there already is left as it is, with its items, so a repeat is harmless.
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
  p_item_fates text[],
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

  -- The directory is read once: with a source that is created meanwhile, an item would otherwise be
  -- both an orphan and an item. Null where the directory knows no org.
  select coalesce(array_agg(s.owner_org_id order by i.position), '{}'),
    coalesce(array_agg(s.source_id order by i.position), '{}')
  into v_org_ids, v_source_ids
  from unnest(p_item_source_kinds, p_item_source_external_ids) with ordinality
    as i (kind, external_id, position)
  left join source_directory s on s.kind = i.kind and s.external_id = i.external_id;

  perform set_tenant(array(select distinct o from unnest(v_org_ids) o where o is not null));

  if array_position(v_org_ids, null) is not null then
    perform store_webhook_orphans(v_new, p_item_delivery_ids, p_item_ids, p_item_ordinals,
      p_item_kinds, p_item_external_ids, v_org_ids, p_item_source_kinds, p_item_source_external_ids,
      p_item_payloads, p_item_fates, p_item_reasons, p_item_traceparents, p_now);
  end if;
  perform store_webhook_items(v_new, p_delivery_ids, p_traceparents, p_item_delivery_ids, p_item_ids,
    p_item_ordinals, p_item_kinds, p_item_external_ids, v_org_ids, v_source_ids, p_item_source_kinds,
    p_item_source_external_ids, p_item_payloads, p_item_fates, p_item_reasons,
    p_item_traceparents, p_now);
end;
$$;
