-- Rows that break what holds between raw webhooks, their items and what the items became, over all
-- tenants: the equation and the row. For use by verify_books.
create or replace function find_webhook_violations()
returns table (equation text, violation text)
language sql
stable
set search_path from current
as $$
  select 'received = pending + stored + duplicate + ignored + dead',
    format('webhook_deliveries %s: %s items received, %s accounted for',
      d.delivery_id, d.item_count, coalesce(i.items, 0) + coalesce(o.items, 0))
  from webhook_deliveries d
  left join (
    select delivery_id, count(*) as items from webhook_items group by 1) i using (delivery_id)
  left join (
    select delivery_id, count(*) as items from webhook_orphans group by 1) o using (delivery_id)
  where d.item_count <> coalesce(i.items, 0) + coalesce(o.items, 0)
  union all
  select 'each log row counts its items',
    format('webhook_delivery_log %s: %s items logged, %s there', w.id, w.item_count,
      coalesce(i.items, 0))
  from webhook_delivery_log w
  left join (
    select org_id, log_id, count(*) as items from webhook_items group by 1, 2) i
    on i.org_id = w.org_id and i.log_id = w.id
  where w.item_count <> coalesce(i.items, 0)
  union all
  select 'no open item without a worker',
    format('webhook_items %s: %s, and no worker handles %s', i.item_id, i.status,
      case when i.external_id is null then i.kind || ' without an id' else i.kind end)
  from webhook_items i
  where i.status in ('pending', 'processing', 'failed')
    and (i.kind not in ('leadgen', 'message') or i.external_id is null)
  union all
  -- A lead that is still on its way is named by the item that makes it.
  select 'each duplicate item names what it repeats',
    format('webhook_items %s: duplicate of no lead or message', i.item_id)
  from webhook_items i
  left join messages m
    on m.org_id = i.org_id and m.source_id = i.source_id and m.external_id = i.external_id
  left join lead_sources s
    on s.org_id = i.org_id and s.source_id = i.source_id and s.external_id = i.external_id
  left join leads l
    on l.org_id = i.org_id and l.lead_id = coalesce(i.lead_id, s.lead_id)
  left join webhook_items first_one
    on first_one.org_id = s.org_id and first_one.item_id = s.item_id
    and first_one.item_id <> i.item_id
  where i.status = 'duplicate'
    and m.message_id is null
    and case
      when coalesce(i.lead_id, s.lead_id) is null then first_one.item_id is null
      else l.lead_id is null end
  union all
  select 'each stored message item has its message',
    format('webhook_items %s: stored without a message', i.item_id)
  from webhook_items i
  left join messages m
    on m.org_id = i.org_id and m.source_id = i.source_id and m.external_id = i.external_id
  where i.kind = 'message' and i.status = 'stored' and m.message_id is null;
$$;
