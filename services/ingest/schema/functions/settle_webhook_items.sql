-- Settles claimed items: 'stored' and 'duplicate' (by create_leads_with_conversations),
-- 'ignored' and 'dead_letter' (with a reason), 'retry' (after so many seconds, with a reason) or
-- 'returned' (due at once, the attempt unspent). Items whose lease is not their token's any more stay
-- as they are. Returns how many were settled; their webhook_delivery_log rows are brought up to date.
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
  v_held uuid[];
begin
  perform enter(p_org_ids);
  select coalesce(array_agg(h.item_id), '{}') into v_held
  from (
    select i.item_id
    from webhook_items i
    where (i.org_id, i.item_id, i.claim_token) in (
        select * from unnest(p_org_ids, p_item_ids, p_tokens))
      and i.claim_expires_at > p_now
    order by i.org_id, i.item_id
    for update) h;

  insert into item_attempts (org_id, item_id, number, started_at, ended_at, outcome, error,
    trace_id, attempt_trace_id)
  select i.org_id, i.item_id, i.attempts, i.claimed_at, p_now, s.outcome, s.reason, i.trace_id,
    s.attempt_trace_id
  from unnest(p_org_ids, p_item_ids, p_outcomes, p_reasons, p_attempt_trace_ids)
    as s (org_id, item_id, outcome, reason, attempt_trace_id)
  join webhook_items i on i.org_id = s.org_id and i.item_id = s.item_id
  where s.item_id = any (v_held) and s.outcome <> 'returned'
  on conflict do nothing;

  update webhook_items i
  set status = case s.outcome
        when 'retry' then 'failed'
        when 'returned' then 'pending'
        else s.outcome end,
      reason = s.reason,
      due_at = case s.outcome
        when 'retry' then p_now + make_interval(secs => s.retry_after_seconds)
        else p_now end,
      settled_at = case when s.outcome not in ('retry', 'returned') then p_now end,
      attempts = i.attempts - (s.outcome = 'returned')::int,
      lead_id = coalesce(i.lead_id, l.lead_id, k.lead_id),
      claim_token = null,
      claim_expires_at = null
  from unnest(p_org_ids, p_item_ids, p_outcomes, p_reasons, p_retry_after_seconds)
    as s (org_id, item_id, outcome, reason, retry_after_seconds)
  left join leads l on l.org_id = s.org_id and l.item_id = s.item_id
  left join lead_sources k
    on k.org_id = s.org_id and s.outcome = 'duplicate' and (k.source_id, k.external_id) = (
      select d.source_id, d.external_id
      from webhook_items d
      where d.org_id = s.org_id and d.item_id = s.item_id)
  where i.org_id = s.org_id and i.item_id = s.item_id and s.item_id = any (v_held);

  perform refresh_delivery_log(p_org_ids, v_held, p_tokens[1], p_now);
  return cardinality(v_held);
end;
$$;
