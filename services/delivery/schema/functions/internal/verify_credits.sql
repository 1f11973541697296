-- Accounts, holds and ledger rows that break an equation of verify_books, named by its place
-- there.
-- For use by verify_books, which runs as the system role.
create or replace function verify_credits()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  with consumption as (
    select * from credit_transactions where type = 'CREDIT_CONSUMPTION'
  ), change as (
    -- What a transaction did to each account, seen by the balances after it and before it.
    select e.org_id, e.transaction_id, e.balance_after - lag(e.balance_after, 1, 0) over (
      partition by e.org_id, e.workspace_id, e.account
      order by e.version) as amount
    from credit_entries e
  ), summed as (
    select a.org_id, a.workspace_id, a.available, a.held, a.consumed, a.granted,
      coalesce(sum(e.amount) filter (where e.account = 'available'), 0) as available_sum,
      coalesce(sum(e.amount) filter (where e.account = 'held'), 0) as held_sum,
      coalesce(sum(e.amount) filter (where e.account = 'consumed'), 0) as consumed_sum,
      coalesce(-sum(e.amount) filter (where e.account = 'granted'), 0) as granted_sum
    from credit_accounts a
    left join credit_entries e using (org_id, workspace_id)
    group by a.org_id, a.workspace_id
  )
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
  union all
  select 4, format('credit_transactions %s: its balances differ by %s', e.transaction_id,
    sum(e.amount))
  from change e
  group by e.org_id, e.transaction_id
  having count(*) <> 2 or sum(e.amount) <> 0
  union all
  select 5, format('credit_accounts %s: %s, its entries say %s', workspace_id,
    array[available, held, consumed, granted],
    array[available_sum, held_sum, consumed_sum, granted_sum])
  from summed
  where (available, held, consumed, granted)
    is distinct from (available_sum, held_sum, consumed_sum, granted_sum)
  union all
  select 5, format('credit_entries %s: the balance after it is %s, the entries up to it say %s',
    s.entry_id, s.balance_after, s.so_far)
  from (
    select e.entry_id, e.balance_after, sum(e.amount) over (
      partition by e.org_id, e.workspace_id, e.account
      order by e.version) as so_far
    from credit_entries e
  ) s
  where s.balance_after <> s.so_far
  union all
  select 6, format('credit_accounts %s: %s', a.workspace_id,
    array[a.available, a.held, a.consumed, a.granted])
  from credit_accounts a
  where least(a.available, a.held, a.consumed, a.granted) < 0
  union all
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
  union all
  -- Versions run from one without a gap: what is not there leaves one.
  select 14, format('credit_accounts %s: %s transactions at version %s, the last is %s',
    workspace_id, count(t.transaction_id), max(a.version), coalesce(max(t.version), 0))
  from credit_accounts a
  full join credit_transactions t using (org_id, workspace_id)
  group by org_id, workspace_id
  having (max(a.version), max(a.version))
    is distinct from (count(t.transaction_id), coalesce(max(t.version), 0));
$$;
