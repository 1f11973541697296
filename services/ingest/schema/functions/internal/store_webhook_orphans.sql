-- Stores those of the new deliveries' items as orphans whose org is null: 'dead_letter' where they are
-- malformed, else 'ignored'. With the reason 'unknown_source' one can be replayed: it would have been
-- worked on or handed to sync. For use by store_webhook_deliveries.
create or replace function store_webhook_orphans(
  p_new_delivery_ids uuid[],
  p_item_delivery_ids uuid[],
  p_item_ids uuid[],
  p_item_ordinals int[],
  p_item_kinds text[],
  p_item_external_ids text[],
  p_item_org_ids uuid[],
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
  insert into webhook_orphans (delivery_id, ordinal, item_id, kind, external_id, source_kind,
    source_external_id, status, reason, payload, received_at, trace_id, traceparent)
  select i.delivery_id, i.ordinal, i.item_id, i.kind, i.external_id, i.source_kind,
    i.source_external_id,
    case i.disposition when 'dead_letter' then 'dead_letter' else 'ignored' end,
    case when i.disposition is null or i.disposition = 'stored' then 'unknown_source' else i.reason end,
    i.payload, p_now, substr(i.traceparent, 4, 32), i.traceparent
  from unnest(p_item_delivery_ids, p_item_ids, p_item_ordinals, p_item_kinds,
      p_item_external_ids, p_item_org_ids, p_item_source_kinds, p_item_source_external_ids,
      p_item_payloads, p_item_dispositions, p_item_reasons, p_item_traceparents)
    as i (delivery_id, item_id, ordinal, kind, external_id, org_id, source_kind,
      source_external_id, payload, disposition, reason, traceparent)
  where i.delivery_id = any (p_new_delivery_ids) and i.org_id is null;
end;
$$;
