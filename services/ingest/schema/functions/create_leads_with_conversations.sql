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
-- was answered before: its lead); 'request_id_reused'; 'lease_lost' (nothing was changed; where this
-- attempt had ended the item before, its trace tells of the repeat).
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
#variable_conflict use_column
declare
  v_outcomes text[];
  -- What is to be written, and what became of it.
  v_positions bigint[];
  v_org_ids uuid[];
  v_lead_ids uuid[];
  v_leads jsonb[];
  v_traceparents text[];
  v_item_ids uuid[];
  v_request_ids text[];
  v_results text[];
  v_conversations uuid[];
begin
  perform set_tenant(p_org_ids);
  v_outcomes := open_requests(p_org_ids, p_request_ids, p_request_hashes, p_traceparents, p_now);

  -- Before contacts are made: what is fenced off, and what is known, leaves no row.
  -- One look-up by key a row: a join could read all of an org's.
  with held as materialized (
    select u.org_id, u.item_id, u.token
    from (
      select distinct u.org_id, u.item_id, u.token
      from unnest(p_org_ids, p_item_ids, p_tokens) as u (org_id, item_id, token)
      where u.item_id is not null
      order by u.org_id, u.item_id
    ) u
    cross join lateral (
      select
      from webhook_items i
      where i.org_id = u.org_id
        and i.item_id = u.item_id
        and i.claim_token = u.token
        and i.claim_expires_at > p_now
      limit 1
      for update
    ) h
  )
  select array_agg(
    coalesce(v_outcomes[g.position], case
      when g.item_id is not null and h.item_id is null then 'lease_lost'
      when g.lead ->> 'external_id' is not null and owned.item_id is null then 'duplicate'
      when known.message_id is not null then 'duplicate'
    end)
    order by g.position)
  into v_outcomes
  from unnest(p_org_ids, p_leads, p_item_ids, p_tokens) with ordinality
    as g (org_id, lead, item_id, token, position)
  -- By token: a stale try of an item may come beside the one that holds it.
  left join held h
    on h.org_id = g.org_id
    and h.item_id = g.item_id
    and h.token = g.token
  left join lateral (
    select s.item_id
    from lead_sources s
    where s.org_id = g.org_id
      and s.source_id = (g.lead ->> 'source_id')::uuid
      and s.external_id = g.lead ->> 'external_id'
      and s.item_id = g.item_id
      and s.lead_id is null
    limit 1
  ) owned on true
  left join lateral (
    select m.message_id
    from messages m
    where m.org_id = g.org_id
      and m.source_id = (g.lead ->> 'source_id')::uuid
      and m.external_id = g.lead -> 'message' ->> 'external_id'
    limit 1
  ) known on true;

  if 'lease_lost' = any (v_outcomes) then
    perform note_repeats('create_leads_with_conversations', array_agg(a.org_id),
      array_agg(a.item_id::text), array_agg(a.trace_id::text), array_agg(g.attempt_trace_id), p_now)
    from unnest(p_org_ids, p_item_ids, p_attempt_trace_ids, v_outcomes)
      as g (org_id, item_id, attempt_trace_id, outcome)
    cross join lateral (
      select a.*
      from item_attempts a
      where a.org_id = g.org_id and a.item_id = g.item_id
        and a.attempt_trace_id = g.attempt_trace_id
      limit 1
    ) a
    where g.outcome = 'lease_lost';
  end if;

  select array_agg(g.position order by g.position), array_agg(g.org_id order by g.position),
    array_agg(g.lead_id order by g.position), array_agg(g.lead order by g.position),
    array_agg(g.traceparent order by g.position), array_agg(g.item_id order by g.position),
    array_agg(g.request_id order by g.position)
  into v_positions, v_org_ids, v_lead_ids, v_leads, v_traceparents, v_item_ids, v_request_ids
  from unnest(p_org_ids, p_lead_ids, p_leads, p_traceparents, p_item_ids, p_request_ids, v_outcomes)
    with ordinality
    as g (org_id, lead_id, lead, traceparent, item_id, request_id, outcome, position)
  where g.outcome is null;
  if v_positions is not null then
    select w.outcomes, w.conversation_ids into v_results, v_conversations
    from write_leads(v_org_ids, v_lead_ids, v_leads, v_traceparents, v_item_ids, v_request_ids,
      p_now) w;
  end if;

  select array_agg(coalesce(g.outcome, w.result) order by g.position) into v_outcomes
  from unnest(v_outcomes) with ordinality as g (outcome, position)
  left join unnest(v_positions, v_results) as w (position, result) using (position);

  perform end_item_attempts(
    array_agg(g.org_id order by g.position), array_agg(g.item_id order by g.position),
    array_agg(case g.outcome when 'duplicate' then 'duplicate' else 'stored' end
      order by g.position),
    array_agg(case g.outcome when 'duplicate' then 'known' end order by g.position),
    array_agg(0::double precision order by g.position),
    array_agg(case g.outcome when 'created' then g.lead_id end order by g.position),
    array_agg(g.attempt_trace_id order by g.position),
    (array_agg(g.token order by g.position))[1], p_now)
  from unnest(p_org_ids, p_item_ids, p_tokens, p_lead_ids, v_outcomes, p_attempt_trace_ids)
    with ordinality as g (org_id, item_id, token, lead_id, outcome, attempt_trace_id, position)
  where g.item_id is not null and g.outcome <> 'lease_lost'
  having count(*) > 0;

  return query
  select g.new_lead_id, g.outcome,
    case g.outcome when 'created' then g.new_lead_id else (r.answer ->> 'lead_id')::uuid end,
    case g.outcome
      when 'created' then w.conversation_id
      else (r.answer ->> 'conversation_id')::uuid
    end
  from unnest(p_lead_ids, v_outcomes, p_org_ids, p_request_ids) with ordinality
    as g (new_lead_id, outcome, org_id, request_id, position)
  left join unnest(v_positions, v_conversations) as w (position, conversation_id) using (position)
  left join lateral (
    select r.answer
    from requests r
    where r.org_id = g.org_id
      and r.request_id = g.request_id
      and g.outcome <> 'created'
    limit 1
  ) r on true;
end;
$$;
