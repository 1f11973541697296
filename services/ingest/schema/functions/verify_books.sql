-- runs as: system
-- Adds up the books over all tenants: a row for each equation, with how many rows break it and the
-- first hundred of them.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with broken (equation, violation) as (
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
    select 'each stored lead item made its lead',
      format('webhook_items %s: stored without a lead', i.item_id)
    from webhook_items i
    left join leads l on l.org_id = i.org_id and l.item_id = i.item_id
    where i.kind = 'leadgen' and i.status = 'stored' and l.lead_id is null
    union all
    select 'each provider lead is one lead',
      format('lead_sources %s %s: its lead is missing', s.source_id, s.external_id)
    from lead_sources s
    left join leads l on l.org_id = s.org_id and l.lead_id = s.lead_id
    where s.lead_id is not null and l.lead_id is null
    union all
    select 'each lead is handed to routing',
      format('leads %s: no outbox row', l.lead_id)
    from leads l
    left join outbox o
      on o.org_id = l.org_id and o.topic = 'routing.enqueue_leads' and o.subject_id = l.lead_id
    where o.outbox_id is null
    union all
    select 'no lead without a trace',
      format('leads %s: its trace is not that of its handoff or item', l.lead_id)
    from leads l
    left join outbox o
      on o.org_id = l.org_id and o.topic = 'routing.enqueue_leads' and o.subject_id = l.lead_id
    left join webhook_items i on i.org_id = l.org_id and i.item_id = l.item_id
    where l.trace_id is distinct from coalesce(o.trace_id, l.trace_id)
      or l.trace_id is distinct from coalesce(i.trace_id, l.trace_id)
      or l.trace_id is null
      or l.trace_id <> substr(l.traceparent, 4, 32)
    union all
    select 'no handoff was refused',
      format('outbox %s: %s refused: %s', o.outbox_id, o.topic, o.last_error)
    from outbox o
    where o.status = 'refused'
    union all
    select 'no open item without a worker',
      format('webhook_items %s: %s, and nobody works on %s', i.item_id, i.status,
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
    where i.kind = 'message' and i.status = 'stored' and m.message_id is null
    union all
    select 'messages and leads have their conversation',
      format('%s %s: its conversation is missing', r.name, r.key)
    from (
      select 'leads' as name, l.lead_id as key, l.org_id, l.conversation_id from leads l
      union all
      select 'messages', m.message_id, m.org_id, m.conversation_id from messages m) r
    left join conversations c using (org_id, conversation_id)
    where c.contact_id is null
  )
  select e.equation, count(b.violation), coalesce(
    (array_agg(b.violation order by b.violation) filter (where b.violation is not null))[1:100],
    '{}')
  from unnest(array[
    'received = pending + stored + duplicate + ignored + dead',
    'each log row counts its items',
    'each stored lead item made its lead',
    'each provider lead is one lead',
    'each lead is handed to routing',
    'no lead without a trace',
    'no handoff was refused',
    'no open item without a worker',
    'each duplicate item names what it repeats',
    'each stored message item has its message',
    'messages and leads have their conversation'
  ]) with ordinality as e (equation, position)
  left join broken b using (equation)
  group by e.equation, e.position
  order by e.position;
$$;
