-- Settles claimed items, and brings their webhook_delivery_log rows up to date.
--   - outcomes: 'ignored' and 'dead_letter' (with a reason), 'duplicate', 'retry' (due after so many
--     seconds, with a reason), 'returned' (due at once, the attempt unspent); 'stored' is settled by
--     create_leads_with_conversations;
--   - an item whose lease is not its token's any more stays as it is;
--   - returns how many were settled.
create or replace function settle_webhook_items(
  p_org_ids uuid[],
  p_item_ids uuid[],
  p_tokens uuid[],
  p_outcomes text[],
  p_reasons text[],
  p_retry_after_seconds double precision[],
  p_attempt_trace_ids text[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_org_ids uuid[];
  v_item_ids uuid[];
  v_tokens uuid[];
begin
  perform set_tenant(p_org_ids);
  select array_agg(g.org_id), array_agg(g.item_id), array_agg(g.token)
  into v_org_ids, v_item_ids, v_tokens
  from (
    select distinct g.org_id, g.item_id, g.token
    from unnest(p_org_ids, p_item_ids, p_tokens) as g (org_id, item_id, token)
    order by g.org_id, g.item_id
  ) g
  -- One look-up by key a row: a join could read all of an org's.
  cross join lateral (
    select
    from webhook_items i
    where i.org_id = g.org_id
      and i.item_id = g.item_id
      and i.claim_token = g.token -- fence: token
      and i.claim_expires_at > p_now -- fence: lease
    limit 1
    for update
  ) h;

  perform end_item_attempts(
    array_agg(g.org_id order by g.position), array_agg(g.item_id order by g.position),
    array_agg(g.outcome order by g.position), array_agg(g.reason order by g.position),
    array_agg(g.retry_after_seconds order by g.position),
    array_agg(null::uuid), array_agg(g.attempt_trace_id order by g.position), p_tokens[1], p_now)
  from unnest(p_org_ids, p_item_ids, p_tokens, p_outcomes, p_reasons, p_retry_after_seconds,
      p_attempt_trace_ids) with ordinality
    as g (org_id, item_id, token, outcome, reason, retry_after_seconds, attempt_trace_id, position)
  -- By token: a stale attempt at an item may come beside the one that holds it.
  join unnest(v_org_ids, v_item_ids, v_tokens) as h (org_id, item_id, token)
    on h.org_id = g.org_id
    and h.item_id = g.item_id
    and h.token = g.token -- fence: token of the attempt
  having count(*) > 0;
  return coalesce(cardinality(v_item_ids), 0);
end;
$$;
