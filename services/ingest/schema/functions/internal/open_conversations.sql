-- Finds or opens the conversation of each lead: the open one of its contact and source, which the
-- first of several leads opens with the id that it brings. Returns their ids in the order given; the
-- caller has set the tenant.
create or replace function open_conversations(
  p_org_ids uuid[],
  p_leads jsonb[],
  p_traceparents text[],
  p_source_ids uuid[],
  p_contact_ids uuid[],
  p_now timestamptz default now()
) returns uuid[]
language plpgsql
set search_path from current
as $$
declare
  v_conversations uuid[];
begin
  -- Sorted by key, so that two calls wait for each other instead of deadlocking.
  insert into conversations (org_id, conversation_id, source_id, contact_id, created_at, trace_id)
  select distinct on (g.org_id, g.contact_id, g.source_id)
    g.org_id, (g.lead ->> 'conversation_id')::uuid, g.source_id, g.contact_id, p_now,
    substr(g.traceparent, 4, 32)
  from unnest(p_org_ids, p_leads, p_traceparents, p_source_ids, p_contact_ids) with ordinality
    as g (org_id, lead, traceparent, source_id, contact_id, n)
  order by g.org_id, g.contact_id, g.source_id, g.n
  on conflict (org_id, source_id, contact_id) where status = 'open' do nothing;
  select array_agg(c.conversation_id order by g.n) into v_conversations
  from unnest(p_org_ids, p_source_ids, p_contact_ids) with ordinality
    as g (org_id, source_id, contact_id, n)
  left join lateral (
    select c.conversation_id
    from conversations c
    where c.org_id = g.org_id
      and c.source_id = g.source_id
      and c.contact_id = g.contact_id
      and c.status = 'open'
    limit 1
  ) c on true;
  return v_conversations;
end;
$$;
