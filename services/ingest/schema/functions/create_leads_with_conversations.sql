-- Creates leads with contact, conversation, first message and outbox row, each with all of it or
-- with none of it, in one transaction.
--
-- Each lead is an object:
--   contact_id, conversation_id, outbox_id   ids to use where a new row is made
--   source_id, source_kind, type, identities [{kind, value}]
--   phone, phone_raw, email, full_name, details, answers, consents, received_at
--   external_id      the provider's id of the lead (a leadgen id), or null
--   message          {message_id, external_id, body, sent_at}, or null
--   first_contact    true: only a message that opens a conversation makes a lead
--
-- A lead that comes from a webhook item names it: its token must hold the item's lease, and the
-- item is settled here too. A lead that comes by a call may bring a request id.
--
-- Returns a row for each id of p_lead_ids: outcome 'created'; 'stored' (a message of a conversation
-- that has its lead); 'duplicate' (the provider's lead or message is known); 'replayed' (the request
-- was answered before: its lead); 'request_id_reused'; 'lease_lost' (nothing was changed).
-- The single form is create_lead_with_conversation.
create or replace function create_leads_with_conversations(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_leads jsonb[],
  p_traceparents text[],
  p_item_ids uuid[],
  p_attempt_trace_ids text[],
  p_request_ids text[],
  p_request_hashes text[],
  p_tokens uuid[],
  p_now timestamptz default now()
) returns table (new_lead_id uuid, outcome text, lead_id uuid, conversation_id uuid)
language plpgsql
set search_path from current
as $$
declare
  v_outcomes text[];
  v_positions int[];
  v_contacts uuid[];
  v_in record;
  v_conversation_id uuid;
  v_is_new boolean;
  v_lead_id uuid;
begin
  perform enter(p_org_ids);
  v_outcomes := open_requests(p_org_ids, p_request_ids, p_request_hashes, p_traceparents, p_now);

  -- Before contacts are made: what is fenced off, and what is known, leaves no row.
  select array_agg(
    coalesce(v_outcomes[g.position], case
      when g.item_id is not null and held.item_id is null then 'lease_lost'
      when g.lead ->> 'external_id' is not null and owned.item_id is null then 'duplicate'
      when known.message_id is not null then 'duplicate'
    end)
    order by g.position)
  into v_outcomes
  from unnest(p_org_ids, p_leads, p_item_ids) with ordinality as g (org_id, lead, item_id, position)
  left join (
    select i.org_id, i.item_id
    from webhook_items i
    where (i.org_id, i.item_id, i.claim_token) in (
        select * from unnest(p_org_ids, p_item_ids, p_tokens))
      and i.claim_expires_at > p_now
    order by i.org_id, i.item_id
    for update) held on held.org_id = g.org_id and held.item_id = g.item_id
  left join lead_sources owned
    on owned.org_id = g.org_id and owned.source_id = (g.lead ->> 'source_id')::uuid
    and owned.external_id = g.lead ->> 'external_id' and owned.item_id = g.item_id
    and owned.lead_id is null
  left join messages known
    on known.org_id = g.org_id and known.source_id = (g.lead ->> 'source_id')::uuid
    and known.external_id = g.lead -> 'message' ->> 'external_id';

  select coalesce(array_agg(position), '{}') into v_positions
  from generate_subscripts(v_outcomes, 1) as position
  where v_outcomes[position] is null;
  v_contacts := resolve_contacts(
    (select array_agg(p_org_ids[p] order by n) from unnest(v_positions) with ordinality as u (p, n)),
    (select array_agg(p_leads[p] order by n) from unnest(v_positions) with ordinality as u (p, n)),
    (select array_agg(p_traceparents[p] order by n)
      from unnest(v_positions) with ordinality as u (p, n)),
    p_now);

  -- By contact, so that two calls take the same conversations in the same order.
  for v_in in
    select u.position, c.contact_id, p_org_ids[u.position] as org_id,
      p_leads[u.position] as lead, p_traceparents[u.position] as traceparent,
      p_item_ids[u.position] as item_id, p_lead_ids[u.position] as lead_id,
      (p_leads[u.position] ->> 'source_id')::uuid as source_id
    from unnest(v_positions) with ordinality as u (position, n)
    join unnest(v_contacts) with ordinality as c (contact_id, n) using (n)
    order by p_org_ids[u.position], c.contact_id, u.position
  loop
    insert into conversations
      (org_id, conversation_id, source_id, contact_id, created_at, trace_id)
    values (v_in.org_id, (v_in.lead ->> 'conversation_id')::uuid, v_in.source_id, v_in.contact_id,
      p_now, substr(v_in.traceparent, 4, 32))
    on conflict (org_id, source_id, contact_id) where status = 'open' do nothing
    returning conversations.conversation_id into v_conversation_id;
    v_is_new := v_conversation_id is not null;
    if not v_is_new then
      select c.conversation_id into v_conversation_id
      from conversations c
      where c.org_id = v_in.org_id and c.source_id = v_in.source_id
        and c.contact_id = v_in.contact_id and c.status = 'open';
    end if;

    if jsonb_typeof(v_in.lead -> 'message') = 'object' then
      insert into messages (org_id, message_id, conversation_id, source_id, external_id, direction,
        body, sent_at, created_at, trace_id)
      values (v_in.org_id, (v_in.lead -> 'message' ->> 'message_id')::uuid, v_conversation_id,
        v_in.source_id, v_in.lead -> 'message' ->> 'external_id', 'in',
        v_in.lead -> 'message' ->> 'body', (v_in.lead -> 'message' ->> 'sent_at')::timestamptz,
        p_now, substr(v_in.traceparent, 4, 32))
      on conflict do nothing;
      if not found then
        v_outcomes[v_in.position] := 'duplicate';
        continue;
      end if;
    end if;

    if (v_in.lead ->> 'first_contact')::boolean and not v_is_new then
      v_outcomes[v_in.position] := 'stored';
      continue;
    end if;

    insert into leads (org_id, lead_id, source_id, contact_id, conversation_id, item_id,
      external_id, type, phone, phone_raw, email, full_name, details, answers, consents,
      received_at, created_at, trace_id, traceparent)
    values (v_in.org_id, v_in.lead_id, v_in.source_id, v_in.contact_id, v_conversation_id,
      v_in.item_id, v_in.lead ->> 'external_id', v_in.lead ->> 'type', v_in.lead ->> 'phone',
      v_in.lead ->> 'phone_raw', v_in.lead ->> 'email', v_in.lead ->> 'full_name',
      v_in.lead ->> 'details', v_in.lead -> 'answers', v_in.lead -> 'consents',
      (v_in.lead ->> 'received_at')::timestamptz, p_now, substr(v_in.traceparent, 4, 32),
      v_in.traceparent);
    update lead_sources s
    set lead_id = v_in.lead_id
    where s.org_id = v_in.org_id and s.source_id = v_in.source_id
      and s.external_id = v_in.lead ->> 'external_id';
    insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
      trace_id, traceparent)
    values (v_in.org_id, (v_in.lead ->> 'outbox_id')::uuid, 'routing.enqueue_leads', v_in.lead_id,
      v_in.lead - '{contact_id,conversation_id,outbox_id,identities,message,first_contact}'::text[],
      p_now, p_now, substr(v_in.traceparent, 4, 32), v_in.traceparent);
    update requests r
    set answer = jsonb_build_object('lead_id', v_in.lead_id, 'conversation_id', v_conversation_id)
    where r.org_id = v_in.org_id and r.request_id = p_request_ids[v_in.position];
    v_outcomes[v_in.position] := 'created';
  end loop;

  perform settle_webhook_items(
    array_agg(g.org_id order by g.position), array_agg(g.item_id order by g.position),
    array_agg(g.token order by g.position),
    array_agg(case g.outcome when 'duplicate' then 'duplicate' else 'stored' end
      order by g.position),
    array_agg(case g.outcome when 'duplicate' then 'known' end order by g.position),
    array_agg(0::double precision order by g.position),
    array_agg(g.attempt_trace_id order by g.position), p_now)
  from unnest(p_org_ids, p_item_ids, p_tokens, v_outcomes, p_attempt_trace_ids) with ordinality
    as g (org_id, item_id, token, outcome, attempt_trace_id, position)
  where g.item_id is not null and g.outcome <> 'lease_lost'
  having count(*) > 0;

  return query
  select g.new_lead_id, g.outcome,
    case g.outcome
      when 'created' then g.new_lead_id
      else (r.answer ->> 'lead_id')::uuid
    end,
    coalesce(l.conversation_id, (r.answer ->> 'conversation_id')::uuid)
  from unnest(p_lead_ids, v_outcomes, p_org_ids, p_request_ids)
    as g (new_lead_id, outcome, org_id, request_id)
  left join requests r on r.org_id = g.org_id and r.request_id = g.request_id
  left join leads l on l.org_id = g.org_id and l.lead_id = g.new_lead_id;
end;
$$;
