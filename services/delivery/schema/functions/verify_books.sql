-- runs as: system
-- Adds up delivery's books over all tenants: a row for every equation, with how many rows break it
-- and the first hundred of them as 'table key: what is wrong'.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with equation (place, name) as (
    values
      (1, 'one delivery per offer at LEAD_READY or SENT_TO_DEVELOPER'),
      (2, 'sent offers have a completed delivery'),
      (3, 'one consumption per delivered delivery'),
      (4, 'ledger transactions add up to zero'),
      (5, 'balances equal the sum of their entries'),
      (6, 'no negative balance'),
      (7, 'held equals live holds'),
      (8, 'each attempt belongs to a credit held for its delivery'),
      (9, 'each offer has an event for every step'),
      (10, 'no row without a trace'),
      (11, 'each completed delivery was accepted, or completed by hand'),
      (12, 'each try at an endpoint has its attempt'),
      (13, 'each delivery, event and charge is of its offer''s lead and workspace'),
      (14, 'each ledger entry has its transaction'),
      (15, 'each offer and each ended delivery is in the outbox for the timeline')
  ), ready as (
    select 1 as place, format('lead_offers %s: %s deliveries at %s', o.offer_id,
      count(d.delivery_id), o.status) as violation
    from lead_offers o
    left join deliveries d using (org_id, offer_id)
    where o.status in ('LEAD_READY', 'SENT_TO_DEVELOPER')
    group by o.org_id, o.offer_id, o.status
    having count(d.delivery_id) <> 1
  ), sent as (
    select 2, format('lead_offers %s: %s, its delivery %s', o.offer_id, o.status, d.status)
    from lead_offers o
    join deliveries d using (org_id, offer_id)
    where case d.status in ('DELIVERED', 'PARTIAL')
      when true then o.status not in ('SENT_TO_DEVELOPER', 'STOPPED')
      else o.status = 'SENT_TO_DEVELOPER' end
  ), consumption as (
    select * from credit_transactions where type = 'CREDIT_CONSUMPTION'
  ), consumed as (
    select 3, format('deliveries %s: %s consumptions at %s', d.delivery_id,
      count(t.transaction_id), d.status)
    from deliveries d
    left join consumption t using (org_id, delivery_id)
    group by d.org_id, d.delivery_id, d.status
    having count(t.transaction_id) <> (d.status in ('DELIVERED', 'PARTIAL'))::int
    union all
    select 3, format('credit_transactions %s: there is no delivery %s', t.transaction_id,
      t.delivery_id)
    from credit_transactions t
    left join deliveries d using (org_id, delivery_id)
    where t.delivery_id is not null and d.delivery_id is null
  ), told as (
    -- What a transaction did to each account, told by the balances after it and before it.
    select e.org_id, e.transaction_id, e.balance_after - lag(e.balance_after, 1, 0) over (
      partition by e.org_id, e.workspace_id, e.account
      order by e.version) as amount
    from credit_entries e
  ), unbalanced as (
    select 4, format('credit_transactions %s: its balances differ by %s', e.transaction_id,
      sum(e.amount))
    from told e
    group by e.org_id, e.transaction_id
    having count(*) <> 2 or sum(e.amount) <> 0
  ), summed as (
    select a.org_id, a.workspace_id, a.available, a.held, a.consumed, a.granted,
      coalesce(sum(e.amount) filter (where e.account = 'available'), 0) as available_sum,
      coalesce(sum(e.amount) filter (where e.account = 'held'), 0) as held_sum,
      coalesce(sum(e.amount) filter (where e.account = 'consumed'), 0) as consumed_sum,
      coalesce(-sum(e.amount) filter (where e.account = 'granted'), 0) as granted_sum
    from credit_accounts a
    left join credit_entries e using (org_id, workspace_id)
    group by a.org_id, a.workspace_id
  ), unequal as (
    select 5, format('credit_accounts %s: %s, its entries say %s', workspace_id,
      array[available, held, consumed, granted],
      array[available_sum, held_sum, consumed_sum, granted_sum])
    from summed
    where (available, held, consumed, granted)
      is distinct from (available_sum, held_sum, consumed_sum, granted_sum)
  ), running as (
    select 5, format('credit_entries %s: the balance after it is %s, the entries up to it say %s',
      s.entry_id, s.balance_after, s.so_far)
    from (
      select e.entry_id, e.balance_after, sum(e.amount) over (
        partition by e.org_id, e.workspace_id, e.account
        order by e.version) as so_far
      from credit_entries e
    ) s
    where s.balance_after <> s.so_far
  ), negative as (
    select 6, format('credit_accounts %s: %s', a.workspace_id,
      array[a.available, a.held, a.consumed, a.granted])
    from credit_accounts a
    where least(a.available, a.held, a.consumed, a.granted) < 0
  ), held as (
    select 7, format('credit_accounts %s: %s held, %s holds live', a.workspace_id, a.held,
      count(h.hold_id))
    from credit_accounts a
    left join credit_holds h
      on h.org_id = a.org_id and h.workspace_id = a.workspace_id and h.status = 'live'
    group by a.org_id, a.workspace_id, a.held
    having a.held <> count(h.hold_id)
    union all
    select 7, format('credit_transactions %s: there is no hold %s of its delivery',
      t.transaction_id, t.hold_id)
    from credit_transactions t
    left join credit_holds h using (org_id, hold_id)
    where t.hold_id is not null and h.delivery_id is distinct from t.delivery_id
  ), unpaid as (
    select 8, format('attempts %s: no credit was held for its delivery', t.attempt_id)
    from attempts t
    where not exists (
      select from credit_holds h
      where h.org_id = t.org_id and h.hold_id = t.hold_id and h.delivery_id = t.delivery_id
        and h.created_at <= t.started_at)
  ), unrecorded as (
    select 9, format('lead_offers %s: %s steps, %s events, the last to %s, at %s', o.offer_id,
      o.step_count, count(e.ordinal) - 1, max(e.to_status) filter (where e.ordinal = o.step_count),
      o.status)
    from lead_offers o
    left join lead_events e using (org_id, offer_id)
    group by o.org_id, o.offer_id, o.step_count, o.status
    having count(e.ordinal) - 1 <> o.step_count
      or max(e.to_status) filter (where e.ordinal = o.step_count) is distinct from o.status
  ), traces as (
    select 'lead_offers' as source_table, offer_id as key, trace_id from lead_offers
    union all select 'lead_events', offer_id, trace_id from lead_events
    union all select 'deliveries', delivery_id, trace_id from deliveries
    union all select 'delivery_waits', wait_id, trace_id from delivery_waits
    union all select 'attempts', attempt_id, trace_id from attempts
    union all select 'credit_holds', hold_id, trace_id from credit_holds
    union all select 'credit_transactions', transaction_id, trace_id from credit_transactions
  ), traceless as (
    select 10, format('%s %s: its trace is %s', source_table, key, coalesce(trace_id, 'null'))
    from traces
    where trace_id is null or trace_id = repeat('0', 32)
    union all
    select 10, format('deliveries %s: its trace is not its offer''s', d.delivery_id)
    from deliveries d
    join lead_offers o using (org_id, offer_id)
    where d.trace_id <> o.trace_id
    union all
    select 10, format('lead_events %s number %s: its trace is not its offer''s', e.offer_id,
      e.ordinal)
    from lead_events e
    join lead_offers o using (org_id, offer_id)
    where e.trace_id <> o.trace_id
    union all
    select 10, format('%s %s: its trace is not its delivery''s', c.source_table, c.key)
    from (
      select 'attempts' as source_table, attempt_id as key, org_id, delivery_id, trace_id
      from attempts
      union all
      select 'credit_holds', hold_id, org_id, delivery_id, trace_id from credit_holds
      union all
      select 'credit_transactions', transaction_id, org_id, delivery_id, trace_id
      from credit_transactions
    ) c
    join deliveries d using (org_id, delivery_id)
    where c.trace_id <> d.trace_id
  ), untaken as (
    select 11, format('deliveries %s: %s, %s of its %s endpoints accepted it', d.delivery_id,
      d.status, count(p.endpoint_id) filter (where p.status = 'accepted'), count(p.endpoint_id))
    from deliveries d
    left join delivery_endpoints p using (org_id, delivery_id)
    where d.status in ('DELIVERED', 'PARTIAL')
      and not exists (
        select from lead_events e
        where e.org_id = d.org_id and e.offer_id = d.offer_id
          and e.to_status = 'SENT_TO_DEVELOPER' and e.actor = 'operator')
    group by d.org_id, d.delivery_id, d.status
    having count(p.endpoint_id) filter (where p.status = 'accepted') = 0
      or (d.status = 'DELIVERED' and count(*) filter (where p.status <> 'accepted') > 0)
  ), untried as (
    select 12, format('delivery_endpoints %s of delivery %s: %s after %s tries, %s attempts, %s'
      || ' accepted', p.endpoint_id, p.delivery_id, p.status, p.attempt_count,
      count(t.attempt_id), count(t.attempt_id) filter (where t.outcome = 'accepted'))
    from delivery_endpoints p
    left join attempts t using (org_id, delivery_id, endpoint_id)
    group by p.org_id, p.delivery_id, p.endpoint_id, p.status, p.attempt_count
    having count(t.attempt_id) <> p.attempt_count
      or (p.status = 'accepted')
        <> (count(t.attempt_id) filter (where t.outcome = 'accepted') > 0)
  ), estranged as (
    select 13, format('deliveries %s: of lead %s and workspace %s, its offer of %s and %s',
      d.delivery_id, d.lead_id, d.workspace_id, o.lead_id, o.workspace_id)
    from deliveries d
    join lead_offers o using (org_id, offer_id)
    where (d.lead_id, d.workspace_id) is distinct from (o.lead_id, o.workspace_id)
    union all
    select 13, format('lead_events %s number %s: of workspace %s, its offer of %s', e.offer_id,
      e.ordinal, e.workspace_id, o.workspace_id)
    from lead_events e
    left join lead_offers o using (org_id, offer_id)
    where e.workspace_id is distinct from o.workspace_id
    union all
    select 13, format('credit_holds %s: of workspace %s, its delivery of %s', h.hold_id,
      h.workspace_id, d.workspace_id)
    from credit_holds h
    left join deliveries d using (org_id, delivery_id)
    where h.workspace_id is distinct from d.workspace_id
    union all
    select 13, format('credit_transactions %s: of workspace %s, its delivery of %s',
      t.transaction_id, t.workspace_id, d.workspace_id)
    from credit_transactions t
    left join deliveries d using (org_id, delivery_id)
    where t.delivery_id is not null and t.workspace_id is distinct from d.workspace_id
  ), orphaned as (
    -- Versions run from one without a gap: what is not there leaves one.
    select 14, format('credit_accounts %s: %s transactions at version %s, the last is %s',
      workspace_id, count(t.transaction_id), max(a.version), coalesce(max(t.version), 0))
    from credit_accounts a
    full join credit_transactions t using (org_id, workspace_id)
    group by org_id, workspace_id
    having (max(a.version), max(a.version))
      is distinct from (count(t.transaction_id), coalesce(max(t.version), 0))
  ), untold as (
    select 15, format('lead_offers %s: its event is not in the outbox', o.offer_id)
    from lead_offers o
    where not exists (
      select from outbox b
      where b.org_id = o.org_id and b.topic = 'sync.delivery_events'
        and b.subject_id = o.offer_id)
    union all
    select 15, format('deliveries %s: its event is not in the outbox, it is %s', d.delivery_id,
      d.status)
    from deliveries d
    where d.status in ('DELIVERED', 'PARTIAL', 'FAILED', 'DEAD_LETTER')
      and not exists (
        select from outbox b
        where b.org_id = d.org_id and b.topic = 'sync.delivery_events'
          and b.payload ->> 'subject_id' = d.delivery_id::text
          and b.payload ->> 'type' = 'delivery_' || lower(d.status))
  ), violation as (
    select * from ready
    union all select * from sent
    union all select * from consumed
    union all select * from unbalanced
    union all select * from unequal
    union all select * from running
    union all select * from negative
    union all select * from held
    union all select * from unpaid
    union all select * from unrecorded
    union all select * from traceless
    union all select * from untaken
    union all select * from untried
    union all select * from estranged
    union all select * from orphaned
    union all select * from untold
  )
  select e.name, count(v.violation),
    coalesce((array_agg(v.violation order by v.violation)
      filter (where v.violation is not null))[1:100], '{}')
  from equation e
  left join violation v using (place)
  group by e.place, e.name
  order by e.place;
$$;
