-- Rows that break what holds between leads, their traces, conversations and handoffs, over all tenants:
-- the equation and the row. For use by verify_books.
create or replace function find_lead_violations()
returns table (equation text, violation text)
language sql
stable
set search_path from current
as $$
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
  select 'messages and leads have their conversation',
    format('%s %s: its conversation is missing', r.name, r.key)
  from (
    select 'leads' as name, l.lead_id as key, l.org_id, l.conversation_id from leads l
    union all
    select 'messages', m.message_id, m.org_id, m.conversation_id from messages m) r
  left join conversations c using (org_id, conversation_id)
  where c.contact_id is null;
$$;
