-- Posts transactions of one type to the ledger, each moving credits from one account to another of
-- its workspace: CREDIT_CONSUMPTION where a credit is captured.
--   - One balance update per workspace; one row per transaction, with its version and both balances
--     after it.
--   - No batch takes from the account that it gives to, so each side has a running sum.
--   - A balance below zero breaks the accounts' checks.
-- For use by other functions, which have set the tenant or run as the system role, locked the
-- accounts and decided.
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
language plpgsql
set search_path from current
as $$
declare
  -- Drawn once for all: randomness costs more than writing the row.
  v_id_start constant text := left(gen_random_uuid()::text, 24);
begin
  with posting as materialized (
    select p.*
    from unnest(p_org_ids, p_workspace_ids, p_from_accounts, p_credits, p_delivery_ids,
        p_hold_ids, p_trace_ids)
      with ordinality
      as p (org_id, workspace_id, from_account, credits, delivery_id, hold_id, trace_id, place)
  ), change as (
    select org_id, workspace_id, count(*) as transactions, sum(credits)::int as given,
      coalesce(sum(credits) filter (where from_account = 'available'), 0)::int as from_available,
      coalesce(sum(credits) filter (where from_account = 'held'), 0)::int as from_held,
      coalesce(sum(credits) filter (where from_account = 'granted'), 0)::int as from_granted
    from posting
    group by org_id, workspace_id
  ), account as (
    update credit_accounts a
    set available = a.available - c.from_available
          + case p_to_account when 'available' then c.given else 0 end,
        held = a.held - c.from_held + case p_to_account when 'held' then c.given else 0 end,
        consumed = a.consumed + case p_to_account when 'consumed' then c.given else 0 end,
        granted = a.granted + c.from_granted,
        version = a.version + c.transactions
    from change c
    where a.org_id = c.org_id and a.workspace_id = c.workspace_id
    -- As they are after the whole batch, and how much of it there was to come.
    returning a.org_id, a.workspace_id, a.version - c.transactions as version_before,
      a.available + c.from_available as available_from, a.held + c.from_held as held_from,
      c.from_granted - a.granted as granted_from,
      case p_to_account
        when 'available' then a.available
        when 'held' then a.held
        else a.consumed end - c.given as to_before
  )
  insert into credit_transactions (org_id, workspace_id, version, transaction_id, type,
    from_account, to_account, credits, from_balance_after, to_balance_after, delivery_id, hold_id,
    reason, created_at, trace_id)
  select p.org_id, p.workspace_id, a.version_before + row_number() over so_far,
    (v_id_start || lpad(to_hex(p.place), 12, '0'))::uuid, p_type, p.from_account, p_to_account,
    p.credits,
    case p.from_account
      when 'available' then a.available_from
        - sum(p.credits) filter (where p.from_account = 'available') over so_far
      when 'held' then a.held_from
        - sum(p.credits) filter (where p.from_account = 'held') over so_far
      else a.granted_from - sum(p.credits) over so_far end,
    a.to_before + sum(p.credits) over so_far, p.delivery_id, p.hold_id, p_reason, p_now, p.trace_id
  from posting p
  join account a using (org_id, workspace_id)
  window so_far as (
    partition by p.org_id, p.workspace_id
    order by p.place
    rows unbounded preceding);
end;
$$;
