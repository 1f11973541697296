-- Says of each lead of create_leads_with_conversations whether it has an outcome before anything of it
-- is written; the caller has set the tenant. Locks the items that the tokens hold.
--   - p_outcomes are those of the leads' requests, which come first;
--   - 'lease_lost': the item is not this token's;
--   - 'duplicate': another item makes the provider's lead, or the provider's message is stored;
--   - null: the lead is to be written.
create or replace function find_lead_outcomes(
  p_org_ids uuid[],
  p_leads jsonb[],
  p_item_ids uuid[],
  p_tokens uuid[],
  p_outcomes text[],
  p_now timestamptz default now()
) returns text[]
language plpgsql
set search_path from current
as $$
declare
  v_outcomes text[];
begin
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
        and i.claim_token = u.token -- fence: token
        and i.claim_expires_at > p_now -- fence: lease
      limit 1
      for update
    ) h
  )
  select array_agg(
    coalesce(p_outcomes[g.position], case
      when g.item_id is not null and h.item_id is null then 'lease_lost'
      when g.lead ->> 'external_id' is not null and owned.item_id is null then 'duplicate'
      when known.message_id is not null then 'duplicate'
    end)
    order by g.position)
  into v_outcomes
  from unnest(p_org_ids, p_leads, p_item_ids, p_tokens) with ordinality
    as g (org_id, lead, item_id, token, position)
  -- By token: a stale attempt at an item may come beside the one that holds it.
  left join held h
    on h.org_id = g.org_id
    and h.item_id = g.item_id
    and h.token = g.token -- fence: token of the attempt
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
  return v_outcomes;
end;
$$;
