-- Posts transactions of one type, each moving credits from one account to another of its workspace:
-- one balance update per workspace, two entries per transaction with the balance after each.
-- For use by other functions, which have entered the orgs, locked the accounts and decided: what
-- does not fit breaks the accounts' checks.
create or replace function post_credits(
  p_type text,
  p_org_ids uuid[],
  p_workspace_ids uuid[],
  p_from_accounts text[],
  p_to_account text,
  p_credits int[],
  p_delivery_ids uuid[],
  p_hold_ids uuid[],
  p_reason text,
  p_trace_ids text[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  with posting as materialized (
    select gen_random_uuid() as transaction_id, p.*
    from unnest(p_org_ids, p_workspace_ids, p_from_accounts, p_credits, p_delivery_ids,
        p_hold_ids, p_trace_ids)
      with ordinality
      as p (org_id, workspace_id, from_account, credits, delivery_id, hold_id, trace_id, place)
  ), side as (
    select p.*, s.account, s.amount
    from posting p
    cross join lateral (values (p.from_account, -p.credits), (p_to_account, p.credits))
      as s (account, amount)
  ), change as (
    select org_id, workspace_id, count(distinct place) as transactions,
      coalesce(sum(amount) filter (where account = 'available'), 0)::int as available,
      coalesce(sum(amount) filter (where account = 'held'), 0)::int as held,
      coalesce(sum(amount) filter (where account = 'consumed'), 0)::int as consumed,
      coalesce(-sum(amount) filter (where account = 'granted'), 0)::int as granted
    from side
    group by org_id, workspace_id
  ), account as (
    update credit_accounts a
    set available = a.available + c.available,
        held = a.held + c.held,
        consumed = a.consumed + c.consumed,
        granted = a.granted + c.granted,
        version = a.version + c.transactions
    from change c
    where a.org_id = c.org_id and a.workspace_id = c.workspace_id
    returning a.org_id, a.workspace_id, a.version - c.transactions as version_before,
      a.available - c.available as available_before, a.held - c.held as held_before,
      a.consumed - c.consumed as consumed_before, a.granted - c.granted as granted_before
  ), noted as (
    insert into credit_transactions (org_id, transaction_id, workspace_id, type, delivery_id,
      hold_id, reason, created_at, trace_id)
    select org_id, transaction_id, workspace_id, p_type, delivery_id, hold_id, p_reason, p_now,
      trace_id
    from posting
  )
  insert into credit_entries (org_id, entry_id, transaction_id, workspace_id, account, amount,
    balance_after, version, created_at, trace_id)
  select s.org_id, gen_random_uuid(), s.transaction_id, s.workspace_id, s.account, s.amount,
    case s.account
      when 'available' then a.available_before
      when 'held' then a.held_before
      when 'consumed' then a.consumed_before
      else -a.granted_before end
    + sum(s.amount) over (
      partition by s.org_id, s.workspace_id, s.account
      order by s.place),
    a.version_before + dense_rank() over (
      partition by s.org_id, s.workspace_id
      order by s.place),
    p_now, s.trace_id
  from side s
  join account a using (org_id, workspace_id);
$$;
