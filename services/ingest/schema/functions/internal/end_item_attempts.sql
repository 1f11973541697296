-- Writes what became of items that the caller has locked under their lease: the item, its attempt and
-- the webhook_delivery_log row; the caller has set the tenant.
--   - p_outcomes as in settle_webhook_items;
--   - p_lead_ids names the lead that each item made, or null.
create or replace function end_item_attempts(
  p_org_ids uuid[],
  p_item_ids uuid[],
  p_outcomes text[],
  p_reasons text[],
  p_retry_after_seconds double precision[],
  p_lead_ids uuid[],
  p_attempt_trace_ids text[],
  p_job_id uuid,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
begin
  with settled as (
    update webhook_items i
    set status = case s.outcome
          when 'retry' then 'failed'
          when 'returned' then 'pending'
          else s.outcome end,
        reason = s.reason,
        due_at = case s.outcome
          when 'retry' then p_now + make_interval(secs => s.retry_after_seconds)
          when 'returned' then p_now
          else i.due_at end,
        settled_at = case when s.outcome not in ('retry', 'returned') then p_now end,
        attempts = i.attempts - (s.outcome = 'returned')::int,
        lead_id = coalesce(i.lead_id, s.lead_id, case when s.outcome = 'duplicate' then (
          select k.lead_id
          from lead_sources k
          where k.org_id = i.org_id
            and k.source_id = i.source_id
            and k.external_id = i.external_id) end),
        claim_token = null,
        claim_expires_at = null
    from unnest(p_org_ids, p_item_ids, p_outcomes, p_reasons, p_retry_after_seconds, p_lead_ids,
        p_attempt_trace_ids)
      as s (org_id, item_id, outcome, reason, retry_after_seconds, lead_id, attempt_trace_id)
    where i.org_id = s.org_id and i.item_id = s.item_id
    returning i.org_id, i.item_id, i.attempts, i.claimed_at, i.trace_id, s.outcome, s.reason,
      s.attempt_trace_id
  )
  insert into item_attempts (org_id, item_id, number, started_at, ended_at, outcome, error,
    trace_id, attempt_trace_id)
  select s.org_id, s.item_id, s.attempts, s.claimed_at, p_now, s.outcome, s.reason, s.trace_id,
    s.attempt_trace_id
  from settled s
  where s.outcome <> 'returned'
  on conflict do nothing;

  perform refresh_delivery_log(p_org_ids, p_item_ids, p_job_id, p_now);
end;
$$;
