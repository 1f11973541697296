-- Writes the leads of create_leads_with_conversations that have no outcome yet, all of them or none,
-- each with what belongs to it; the caller has set the tenant and has locked their items.
-- Returns, in the order given, what became of each ('created', 'stored' or 'duplicate') and its
-- conversation.
create or replace function write_leads(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_leads jsonb[],
  p_traceparents text[],
  p_item_ids uuid[],
  p_request_ids text[],
  p_now timestamptz default now()
) returns table (outcomes text[], conversation_ids uuid[])
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_source_ids constant uuid[] := array(
    select (g.lead ->> 'source_id')::uuid
    from unnest(p_leads) with ordinality as g (lead, n)
    order by g.n);
  v_contacts constant uuid[] := resolve_contacts(p_org_ids, p_leads, p_traceparents, p_now);
  v_conversations uuid[];
  v_outcomes text[];
begin
  v_conversations := open_conversations(p_org_ids, p_leads, p_traceparents, v_source_ids, v_contacts,
    p_now);
  v_outcomes := store_messages(p_org_ids, p_leads, p_traceparents, v_source_ids, v_contacts,
    v_conversations, p_now);

  with made as materialized (
    select g.*, substr(g.traceparent, 4, 32) as trace_id, g.lead ->> 'external_id' as external_id
    from unnest(p_org_ids, p_lead_ids, p_leads, p_traceparents, p_item_ids, p_request_ids,
        v_source_ids, v_contacts, v_conversations, v_outcomes)
      as g (org_id, lead_id, lead, traceparent, item_id, request_id, source_id, contact_id,
        conversation_id, outcome)
    where g.outcome = 'created'
  ), stored as (
    insert into leads (org_id, lead_id, source_id, contact_id, conversation_id, item_id,
      external_id, type, phone, phone_raw, email, full_name, details, answers, consents,
      received_at, created_at, trace_id, traceparent)
    select m.org_id, m.lead_id, m.source_id, m.contact_id, m.conversation_id, m.item_id,
      m.external_id, m.lead ->> 'type', m.lead ->> 'phone', m.lead ->> 'phone_raw',
      m.lead ->> 'email', m.lead ->> 'full_name', m.lead ->> 'details', m.lead -> 'answers',
      m.lead -> 'consents', (m.lead ->> 'received_at')::timestamptz, p_now, m.trace_id,
      m.traceparent
    from made m
  ), handed_over as (
    insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
      trace_id, traceparent)
    select m.org_id, (m.lead ->> 'outbox_id')::uuid, 'routing.enqueue_leads', m.lead_id,
      m.lead - '{contact_id,conversation_id,outbox_id,identities,message,first_contact}'::text[],
      p_now, p_now, m.trace_id, m.traceparent
    from made m
  ), answered as (
    update requests r
    set answer = jsonb_build_object('lead_id', m.lead_id, 'conversation_id', m.conversation_id)
    from made m
    where m.request_id is not null
      and r.org_id = m.org_id
      and r.request_id = m.request_id
  )
  update lead_sources s
  set lead_id = m.lead_id
  from made m
  where m.external_id is not null
    and s.org_id = m.org_id
    and s.source_id = m.source_id
    and s.external_id = m.external_id;

  return query select v_outcomes, v_conversations;
end;
$$;
