-- runs as: system
-- Claims due deliveries over all tenants as lock_due_deliveries chooses them, and holds a credit for
-- each in the same transaction: nothing is sent without one. p_token fences what is reported back
-- until p_now + p_lease_seconds. What the caller already sends (p_busy_counts of
-- p_busy_workspace_ids) and what it claims add up to at most p_in_flight_limit, and to
-- p_workspace_limit for each workspace; the rest is left to a later claim. A due delivery that is
-- not claimed has a reason: its workspace has no active endpoint (waiting_for 'endpoint'), no
-- credit is available (waiting_for 'credit'; both leave the queue until they are woken), its
-- pending endpoints are all throttled (due when the first is free, the attempt unspent), or it was
-- claimed p_attempts_max times and never reported back (DEAD_LETTER). What a lost lease left unfinished
-- becomes 'unknown'; the hold of such an attempt is kept. Returns a row for each endpoint that has
-- not answered for good and is free, with the attempt that was begun; a delivery without such an
-- endpoint returns one row without attempt. Counts of the delivery's endpoints: accepted_count and
-- failed_count answered for good, throttled_count get their try later, missed_count were disabled
-- before they answered.
create or replace function claim_deliveries(
  p_worker text,
  p_token uuid,
  p_limit int,
  p_workspace_limit int,
  p_in_flight_limit int,
  p_spare_count int,
  p_busy_workspace_ids uuid[],
  p_busy_counts int[],
  p_lease_seconds double precision,
  p_hold_seconds double precision,
  p_attempts_max int,
  p_due_from timestamptz default null,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  delivery_id uuid,
  lead_id uuid,
  workspace_id uuid,
  attempt_count int,
  created_at timestamptz,
  due_at timestamptz,
  claim_expires_at timestamptz,
  traceparent text,
  tracestate text,
  payload json,
  accepted_count int,
  failed_count int,
  throttled_count int,
  missed_count int,
  attempt_id uuid,
  attempt_traceparent text,
  previous_traceparent text,
  endpoint_id uuid,
  url text,
  secret_ids uuid[],
  secrets bytea[]
)
language plpgsql
security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  v_org_ids uuid[];
  v_delivery_ids uuid[];
  v_workspace_ids uuid[];
  v_due_ats timestamptz[];
  v_exhausted_org_ids uuid[];
  v_exhausted_ids uuid[];
  v_some_wait boolean;
  v_some_are_held boolean;
  v_some_were_claimed boolean;
  v_some_are_sent boolean;
  v_hold_ids uuid[];
  v_hold_org_ids uuid[];
  v_hold_workspace_ids uuid[];
  v_hold_delivery_ids uuid[];
  v_hold_trace_ids text[];
begin
  select array_agg(due.org_id), array_agg(due.delivery_id), array_agg(due.workspace_id),
    array_agg(due.due_at)
  into v_org_ids, v_delivery_ids, v_workspace_ids, v_due_ats
  from lock_due_deliveries(p_limit, p_workspace_limit, p_in_flight_limit, p_spare_count,
    p_busy_workspace_ids, p_busy_counts, p_due_from, p_now) due;
  if v_org_ids is null then
    return;
  end if;
  perform lock_accounts(v_org_ids, v_workspace_ids);

  -- Decided after the accounts are locked, so that credits and endpoints stand still.
  with found as (
    select d.*, h.hold_id is not null as is_held, a.available,
      e.active_count, e.is_throttled, e.throttled_until,
      row_number() over (partition by d.org_id, d.workspace_id order by d.due_at, d.delivery_id)
        as workspace_place
    from deliveries d
    join unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
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
      when f.active_count = 0 then 'endpoint'
      when f.is_throttled then 'throttled'
      when f.workspace_place + coalesce(b.busy_count, 0) > p_workspace_limit then 'left'
      when f.is_held then 'send'
      else 'pay' end as fate
    from found f
    left join unnest(p_busy_workspace_ids, p_busy_counts) as b (workspace_id, busy_count)
      using (workspace_id)
  ), decided as (
    select s.org_id, s.delivery_id, s.throttled_until, s.is_held, s.claimed_at, case
      when s.fate <> 'pay' then s.fate
      when row_number() over (
        partition by s.org_id, s.workspace_id, s.fate
        order by s.delivery_id) <= s.available then 'send'
      else 'credit' end as fate
    from sorted s
  ), moved as (
    update deliveries d
    set status = case s.fate when 'send' then 'IN_PROGRESS' else 'PENDING' end,
        waiting_for = case
          when s.fate in ('credit', 'endpoint') then s.fate
          when s.fate = 'throttled' then 'retry' end,
        reason = null,
        attempt_count = d.attempt_count + (s.fate = 'send')::int,
        claim_token = case s.fate when 'send' then p_token end,
        claimed_by = case s.fate when 'send' then p_worker end,
        claimed_at = case s.fate when 'send' then p_now end,
        claim_expires_at = case s.fate
          when 'send' then p_now + make_interval(secs => p_lease_seconds) end,
        due_at = case s.fate
          when 'send' then p_now + make_interval(secs => p_lease_seconds)
          when 'throttled' then s.throttled_until
          else d.due_at end,
        completed_at = null
    from decided s
    where d.org_id = s.org_id and d.delivery_id = s.delivery_id
      and s.fate not in ('left', 'exhausted')
  )
  select array_agg(s.org_id) filter (where s.fate = 'exhausted'),
    array_agg(s.delivery_id) filter (where s.fate = 'exhausted'),
    bool_or(s.fate in ('credit', 'endpoint')), bool_or(s.is_held),
    bool_or(s.claimed_at is not null), bool_or(s.fate = 'send')
  into v_exhausted_org_ids, v_exhausted_ids, v_some_wait, v_some_are_held, v_some_were_claimed,
    v_some_are_sent
  from decided s;

  if v_exhausted_ids is not null then
    perform end_deliveries(v_exhausted_org_ids, v_exhausted_ids,
      array_fill('DEAD_LETTER'::text, array[cardinality(v_exhausted_ids)]),
      array_fill('exhausted'::text, array[cardinality(v_exhausted_ids)]), p_now);
  end if;

  -- Each of these costs a small claim as much as a row it writes.
  if v_some_wait then
    insert into delivery_waits (org_id, wait_id, delivery_id, workspace_id, waiting_for, started_at,
      trace_id)
    select d.org_id, gen_random_uuid(), d.delivery_id, d.workspace_id, d.waiting_for, p_now,
      d.trace_id
    from deliveries d
    join unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
    where d.waiting_for in ('credit', 'endpoint')
    on conflict do nothing;
  end if;

  if v_some_are_held then
    -- A buyer who has the lead owes its credit, however long another's throttle lasts.
    update credit_holds h
    set expires_at = greatest(h.expires_at, make_interval(secs => p_hold_seconds)
      + case when d.claim_token = p_token then p_now else d.due_at end)
    from deliveries d
    join unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
    where h.org_id = d.org_id and h.delivery_id = d.delivery_id and h.status = 'live'
      and (d.claim_token = p_token or d.waiting_for = 'retry' and exists (
        select from delivery_endpoints p
        where p.org_id = d.org_id and p.delivery_id = d.delivery_id and p.status = 'accepted'));
  end if;

  if v_some_were_claimed then
    update attempts t
    set outcome = 'unknown',
        error = 'the lease was lost before an answer was reported',
        ended_at = p_now
    from unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id)
    where t.org_id = n.org_id and t.delivery_id = n.delivery_id and t.outcome is null;
  end if;
  if not v_some_are_sent then
    return;
  end if;

  with held as (
    insert into credit_holds (org_id, hold_id, workspace_id, delivery_id, created_at, expires_at,
      trace_id)
    select d.org_id, gen_random_uuid(), d.workspace_id, d.delivery_id, p_now,
      p_now + make_interval(secs => p_hold_seconds), d.trace_id
    from deliveries d
    join unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
    where d.claim_token = p_token
    on conflict (org_id, delivery_id) where status = 'live' do nothing
    returning *
  )
  select array_agg(h.hold_id order by h.delivery_id),
    array_agg(h.org_id order by h.delivery_id),
    array_agg(h.workspace_id order by h.delivery_id),
    array_agg(h.delivery_id order by h.delivery_id),
    array_agg(h.trace_id order by h.delivery_id)
  into v_hold_ids, v_hold_org_ids, v_hold_workspace_ids, v_hold_delivery_ids, v_hold_trace_ids
  from held h;
  if v_hold_ids is not null then
    perform post_credits('CREDIT_HOLD', v_hold_org_ids, v_hold_workspace_ids,
      array_fill('available'::text, array[cardinality(v_hold_ids)]), 'held',
      array_fill(1, array[cardinality(v_hold_ids)]), v_hold_delivery_ids, v_hold_ids, '',
      v_hold_trace_ids, p_now);
  end if;

  insert into delivery_endpoints (org_id, delivery_id, endpoint_id, workspace_id, created_at,
    updated_at, trace_id)
  select d.org_id, d.delivery_id, e.endpoint_id, d.workspace_id, p_now, p_now, d.trace_id
  from deliveries d
  join unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
  join endpoints e on e.org_id = d.org_id and e.workspace_id = d.workspace_id
  where d.claim_token = p_token and e.status = 'active'
  order by d.org_id, d.delivery_id, e.endpoint_id
  on conflict do nothing;

  with begun as (
    update delivery_endpoints p
    set attempt_count = p.attempt_count + 1,
        updated_at = p_now
    from deliveries d
    join unnest(v_org_ids, v_delivery_ids, v_due_ats) as n (org_id, delivery_id, due_at)
      using (org_id, delivery_id)
    join endpoints e on e.org_id = d.org_id and e.workspace_id = d.workspace_id
    where p.org_id = d.org_id and p.delivery_id = d.delivery_id and p.endpoint_id = e.endpoint_id
      and d.claim_token = p_token and e.status = 'active' and p.status = 'pending'
      and coalesce(e.throttled_until <= p_now, true)
    returning p.org_id, p.delivery_id, p.endpoint_id, p.workspace_id, p.attempt_count, d.trace_id,
      -- Soon after it was created the first try is part of the lead's trace, as
      -- services/chassis/trace.py has it; any later one is a trace of its own.
      p.attempt_count = 1 and p_now - n.due_at <= interval '60 seconds' as is_child
  )
  insert into attempts (org_id, attempt_id, delivery_id, endpoint_id, workspace_id, number,
    claim_token, hold_id, started_at, trace_id, attempt_traceparent)
  select b.org_id, gen_random_uuid(), b.delivery_id, b.endpoint_id, b.workspace_id,
    b.attempt_count, p_token, h.hold_id, p_now, b.trace_id,
    '00-' || case when b.is_child then b.trace_id::text
      else replace(gen_random_uuid()::text, '-', '') end
    || '-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 16) || '-00'
  from begun b
  join credit_holds h
    on h.org_id = b.org_id and h.delivery_id = b.delivery_id and h.status = 'live';

  return query
  select d.org_id, d.delivery_id, d.lead_id, d.workspace_id, d.attempt_count, d.created_at,
    n.due_at, d.claim_expires_at, d.traceparent::text, d.tracestate, o.payload,
    c.accepted_count, c.failed_count, c.throttled_count, c.missed_count,
    t.attempt_id, t.attempt_traceparent::text,
    (select b.attempt_traceparent::text from attempts b
      where b.org_id = t.org_id and b.delivery_id = t.delivery_id
        and b.endpoint_id = t.endpoint_id and b.number = t.number - 1),
    t.endpoint_id, e.url, s.secret_ids, s.ciphertexts
  from deliveries d
  join unnest(v_org_ids, v_delivery_ids, v_due_ats) as n (org_id, delivery_id, due_at)
    using (org_id, delivery_id)
  join lead_offers o using (org_id, offer_id)
  cross join lateral (
    select (count(*) filter (where p.status = 'accepted'))::int as accepted_count,
      (count(*) filter (where p.status = 'failed'))::int as failed_count,
      (count(*) filter (where p.status = 'pending' and e.status = 'active'
        and e.throttled_until > p_now))::int as throttled_count,
      (count(*) filter (where p.status = 'pending' and e.status = 'disabled'))::int as missed_count
    from delivery_endpoints p
    join endpoints e using (org_id, endpoint_id)
    where p.org_id = d.org_id and p.delivery_id = d.delivery_id
  ) c
  left join attempts t
    on t.org_id = d.org_id and t.delivery_id = d.delivery_id and t.claim_token = p_token
  left join endpoints e on e.org_id = t.org_id and e.endpoint_id = t.endpoint_id
  left join lateral (
    select array_agg(s.secret_id order by s.created_at desc, s.secret_id) as secret_ids,
      array_agg(s.ciphertext order by s.created_at desc, s.secret_id) as ciphertexts
    from endpoint_secrets s
    where s.org_id = e.org_id and s.endpoint_id = e.endpoint_id
      and (s.retired_at is null or s.retired_at > p_now)
  ) s on true
  where d.claim_token = p_token
  order by n.due_at, d.delivery_id;
end;
$$;
