-- Decides what happens to each due delivery, and writes it: the first that applies of
--   - 'exhausted': it was claimed p_attempts_max times and never reported back; the caller ends
--     it;
--   - 'wait for endpoint': its workspace has no active endpoint, so it is parked until it is
--     woken;
--   - 'throttled': all its pending endpoints are; due when the first is free, the attempt unspent;
--   - 'left': its workspace has p_workspace_limit under way; a later claim takes it;
--   - 'wait for credit': no credit is available, so it is parked until it is woken;
--   - 'send': claimed under p_token until p_now + p_lease_seconds.
-- Returns its decision for each delivery, whether it has a live hold, and whether it was claimed
-- before. For use by claim_deliveries, which runs as the system role (no caller has set the
-- tenant) and has locked deliveries and accounts: credits and endpoints stand still.
create or replace function start_claims(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_worker text,
  p_token uuid,
  p_workspace_limit int,
  p_busy_workspace_ids uuid[],
  p_busy_counts int[],
  p_lease_seconds double precision,
  p_attempts_max int,
  p_now timestamptz
) returns table (
  org_id uuid,
  delivery_id uuid,
  decision text,
  has_hold boolean,
  was_claimed boolean
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  return query
  with found as (
    select d.*, h.hold_id is not null as has_hold, a.available,
      e.active_count, e.is_throttled, e.throttled_until,
      row_number() over (partition by d.org_id, d.workspace_id order by d.due_at, d.delivery_id)
        as workspace_place
    from deliveries d
    join unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
    join credit_accounts a using (org_id, workspace_id)
    left join credit_holds h
      on h.org_id = d.org_id and h.delivery_id = d.delivery_id and h.status = 'live'
    cross join lateral (
      select count(*) as active_count,
        bool_and(coalesce(e.throttled_until > p_now, false)) filter (where is_pending)
          as is_throttled,
        min(e.throttled_until) filter (where is_pending) as throttled_until
      from (
        select e.throttled_until, coalesce(p.status, 'pending') = 'pending' as is_pending
        from endpoints e
        left join delivery_endpoints p
          on p.org_id = e.org_id and p.delivery_id = d.delivery_id
          and p.endpoint_id = e.endpoint_id
        where e.org_id = d.org_id and e.workspace_id = d.workspace_id and e.status = 'active'
      ) e
    ) e
  ), sorted as (
    select f.*, case
      when f.attempt_count >= p_attempts_max then 'exhausted'
      when f.active_count = 0 then 'wait for endpoint'
      when f.is_throttled then 'throttled'
      when f.workspace_place + coalesce(b.busy_count, 0) > p_workspace_limit then 'left'
      when f.has_hold then 'send'
      else 'take a credit' end as decision
    from found f
    left join unnest(p_busy_workspace_ids, p_busy_counts) as b (workspace_id, busy_count)
      using (workspace_id)
  ), decided as (
    select s.org_id, s.delivery_id, s.throttled_until, s.has_hold, s.claimed_at, case
      when s.decision <> 'take a credit' then s.decision
      when row_number() over (
        partition by s.org_id, s.workspace_id, s.decision
        order by s.delivery_id) <= s.available then 'send'
      else 'wait for credit' end as decision
    from sorted s
  ), written as (
    update deliveries d
    set status = case s.decision when 'send' then 'IN_PROGRESS' else 'PENDING' end,
        waiting_for = case s.decision
          when 'wait for credit' then 'credit'
          when 'wait for endpoint' then 'endpoint'
          when 'throttled' then 'retry' end,
        reason = null,
        attempt_count = d.attempt_count + (s.decision = 'send')::int,
        claim_token = case s.decision when 'send' then p_token end,
        claimed_by = case s.decision when 'send' then p_worker end,
        claimed_at = case s.decision when 'send' then p_now end,
        claim_expires_at = case s.decision
          when 'send' then p_now + make_interval(secs => p_lease_seconds) end,
        due_at = case s.decision
          when 'send' then p_now + make_interval(secs => p_lease_seconds)
          when 'throttled' then s.throttled_until
          else d.due_at end,
        completed_at = null
    from decided s
    where d.org_id = s.org_id and d.delivery_id = s.delivery_id
      and s.decision not in ('left', 'exhausted')
  )
  select s.org_id, s.delivery_id, s.decision, s.has_hold, s.claimed_at is not null
  from decided s;
end;
$$;
