-- Stores the message that each lead brings, if it brings one; the caller has set the tenant.
-- Returns what that makes of each lead, in the order given:
--   - 'created': the lead is to be written;
--   - 'stored': with first_contact, the message belongs to a conversation that has its lead;
--   - 'duplicate': the provider's message is stored already.
create or replace function store_messages(
  p_org_ids uuid[],
  p_leads jsonb[],
  p_traceparents text[],
  p_source_ids uuid[],
  p_contact_ids uuid[],
  p_conversation_ids uuid[],
  p_now timestamptz default now()
) returns text[]
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_outcomes text[];
begin
  with given as materialized (
    select g.org_id, (g.lead -> 'message' ->> 'message_id')::uuid as message_id, g.conversation_id,
      g.source_id, g.lead -> 'message' as message, g.traceparent, g.contact_id, g.n
    from unnest(p_org_ids, p_leads, p_traceparents, p_source_ids, p_contact_ids, p_conversation_ids)
      with ordinality as g (org_id, lead, traceparent, source_id, contact_id, conversation_id, n)
    where jsonb_typeof(g.lead -> 'message') = 'object'
  ), stored as (
    insert into messages (org_id, message_id, conversation_id, source_id, external_id, direction,
      body, sent_at, created_at, trace_id)
    select g.org_id, g.message_id, g.conversation_id, g.source_id, g.message ->> 'external_id', 'in',
      g.message ->> 'body', (g.message ->> 'sent_at')::timestamptz, p_now,
      substr(g.traceparent, 4, 32)
    from given g
    order by g.org_id, g.source_id, g.message ->> 'external_id', g.contact_id, g.n
    on conflict do nothing
    returning message_id
  )
  select array_agg(
    case
      when g.message_id is not null and s.message_id is null then 'duplicate'
      -- Opened by this lead, it has the id that this lead brought.
      when (o.lead ->> 'first_contact')::boolean
        and o.conversation_id <> (o.lead ->> 'conversation_id')::uuid then 'stored'
      else 'created'
    end
    order by o.n)
  into v_outcomes
  from unnest(p_leads, p_conversation_ids) with ordinality as o (lead, conversation_id, n)
  left join given g using (n)
  left join stored s on s.message_id = g.message_id;
  return v_outcomes;
end;
$$;
