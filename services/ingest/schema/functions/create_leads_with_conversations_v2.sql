-- Creates leads with contact, conversation, first message and outbox row, in one transaction: of each
-- lead all of it is written or none.
--
-- Each lead is an object:
--   - contact_id, conversation_id, outbox_id: ids to use where a new row is made
--   - source_id, source_kind, type, identities [{kind, value}]
--   - phone, phone_raw, email, full_name, details, answers, consents, received_at
--   - external_id: the provider's id of the lead (a leadgen id), or null
--   - message: {message_id, external_id, body, sent_at}, or null
--   - first_contact: true: only a message that opens a conversation makes a lead
--
-- A lead of a webhook item names the item: its token must hold the item's lease, and the item is
-- settled here too. A lead of an RPC may bring a request id.
--
-- Returns a row for each id of p_lead_ids, its outcome one of
--   - created: the lead was written
--   - stored: a message of a conversation that has its lead was written
--   - duplicate: the provider's lead or message is known
--   - replayed: the request was answered before: with this lead
--   - request_id_reused: the request id came before with other content
--   - lease_lost: the item is not this token's; its trace shows the repeat where this attempt had
--     ended the item before
-- and for a lead or message that was written whether its contact is new.
-- The single form is create_lead_with_conversation.
create or replace function create_leads_with_conversations_v2(
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
) returns table (
  new_lead_id uuid, outcome text, lead_id uuid, conversation_id uuid, contact_is_new boolean
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_outcomes text[];
  -- The leads that are to be written, and what became of them.
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
  v_outcomes := find_lead_outcomes(p_org_ids, p_leads, p_item_ids, p_tokens, v_outcomes, p_now);
  if 'lease_lost' = any (v_outcomes) then
    perform note_lost_leases(p_org_ids, p_item_ids, p_attempt_trace_ids, v_outcomes, p_now);
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
    end,
    -- The id that a lead brings for its contact is in use only where it made one.
    case when g.outcome in ('created', 'stored') then exists (
      select
      from contacts c
      where c.org_id = g.org_id and c.contact_id = (g.lead ->> 'contact_id')::uuid) end
  from unnest(p_lead_ids, v_outcomes, p_org_ids, p_request_ids, p_leads) with ordinality
    as g (new_lead_id, outcome, org_id, request_id, lead, position)
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
