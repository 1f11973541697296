-- Settles claimed rows, each by its outcome:
--   - 'sent', 'refused' (with the reason): the end.
--   - 'retry': due again after so many seconds.
--   - 'deferred': the receiver cannot be reached; due again at its old place in the queue.
--   - 'returned': due at once, the attempt unspent.
-- Rows that p_token does not hold any more stay as they are; an earlier attempt's error stays in
-- last_error where there is no new one. Returns how many were settled.
create or replace function settle_outbox(
  p_org_ids uuid[],
  p_outbox_ids uuid[],
  p_token uuid,
  p_outcomes text[],
  p_errors text[],
  p_retry_after_seconds double precision[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_settled int;
begin
  perform set_tenant(p_org_ids);
  with settled as materialized (
    select s.*
    from unnest(p_org_ids, p_outbox_ids, p_outcomes, p_errors, p_retry_after_seconds)
      as s (org_id, outbox_id, outcome, error, retry_after_seconds)
  ), locked as materialized (
    select o.*
    from (
      select distinct s.org_id, s.outbox_id
      from settled s
      order by s.org_id, s.outbox_id
    ) s
    -- One look-up by key a row, whatever the statistics of a table that fills fast say.
    cross join lateral (
      select o.org_id, o.outbox_id
      from outbox o
      where o.org_id = s.org_id
        and o.outbox_id = s.outbox_id
        and o.claim_token = p_token  -- fence: token
        and o.claim_expires_at > p_now  -- fence: lease
      limit 1
      for update
    ) o
  )
  update outbox o
  set status = case when s.outcome in ('sent', 'refused') then s.outcome else 'pending' end,
      settled_at = case when s.outcome in ('sent', 'refused') then p_now end,
      due_at = case s.outcome
        when 'retry' then p_now + make_interval(secs => s.retry_after_seconds)
        when 'deferred' then o.enqueued_at
        else p_now end,
      attempts = o.attempts - (s.outcome = 'returned')::int,
      last_error = coalesce(s.error, o.last_error),
      claim_token = null,
      claim_expires_at = null
  from settled s
  join locked using (org_id, outbox_id)
  where o.org_id = s.org_id and o.outbox_id = s.outbox_id;
  get diagnostics v_settled = row_count;
  return v_settled;
end;
$$;
