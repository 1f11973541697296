-- One row for each transaction of the ledger: from which account, to which, how much, and both
-- balances after it, under a version that counts the workspace's transactions. Its two entries
-- follow from the row and are a view; that they add up to zero needs no proof any more. Written
-- were three rows and eleven index entries for each credit; now it is one row and two or three.
--
-- The function that posts is replaced in the same transaction, so that code which still runs writes
-- what the table takes; functions that read entries find them in the view. Ids of entries follow from
-- the transaction now, so those of older entries change.

-- migrate:up

do $$
begin
  -- All of them or none: those who work lock some first and some later, in one order or another.
  perform set_config('lock_timeout', '200ms', true);
  loop
    begin
      lock table deliveries, credit_accounts, credit_holds, credit_transactions, credit_entries
        in access exclusive mode;
      exit;
    exception when lock_not_available then
      null;
    end;
  end loop;
end;
$$;

alter table credit_transactions
  add column version bigint,
  add column from_account text,
  add column to_account text,
  add column credits int,
  add column from_balance_after int,
  add column to_balance_after int;

alter table credit_transactions no force row level security;
alter table credit_entries no force row level security;
update credit_transactions t
set version = taken.version,
    from_account = taken.account,
    to_account = given.account,
    credits = given.amount,
    from_balance_after = taken.balance_after,
    to_balance_after = given.balance_after
from credit_entries taken
join credit_entries given using (org_id, transaction_id)
where taken.org_id = t.org_id and taken.transaction_id = t.transaction_id
  and taken.amount < 0 and given.amount > 0;
alter table credit_transactions force row level security;
drop table credit_entries;

alter table credit_transactions
  alter column version set not null,
  alter column from_account set not null,
  alter column to_account set not null,
  alter column credits set not null,
  alter column from_balance_after set not null,
  alter column to_balance_after set not null,
  -- Few and short, because they are read anew by each statement that writes here.
  drop constraint credit_transactions_type_check,
  add constraint credit_transactions_way_check
    check (type || ' ' || from_account || ' ' || to_account in (
      'CREDIT_GRANT granted available', 'CREDIT_HOLD available held',
      'CREDIT_RELEASE held available', 'CREDIT_CONSUMPTION held consumed',
      'CREDIT_CONSUMPTION available consumed')),
  add constraint credit_transactions_credits_check
    check (credits > 0 and to_balance_after >= credits),
  -- Granted is where credits come from, so it alone goes below zero.
  add constraint credit_transactions_from_balance_after_check
    check ((from_account = 'granted') = (from_balance_after < 0)),
  -- Nothing looks a transaction up by its id; its place in the books is what there is once.
  drop constraint credit_transactions_pkey,
  add primary key (org_id, workspace_id, version),
  -- The row is written from the account that the same statement changed and for the delivery and
  -- hold that the same function locked; nobody may delete any of them, and the books find one that
  -- is missing. Of the account, which all of a workspace waits for, each check took another lock.
  drop constraint credit_transactions_org_id_workspace_id_fkey,
  drop constraint credit_transactions_org_id_delivery_id_fkey,
  drop constraint credit_transactions_org_id_hold_id_fkey;

create view credit_entries with (security_invoker = true) as
select t.org_id,
  -- Always the same for the same side of the same transaction.
  encode(substr(sha256(convert_to(t.transaction_id::text || side.account, 'UTF8')), 1, 16), 'hex')
    ::uuid as entry_id,
  t.transaction_id, t.workspace_id, t.version, t.type, side.account, side.amount,
  side.balance_after, t.delivery_id, t.created_at, t.trace_id
from credit_transactions t
cross join lateral (
  values
    (t.from_account, -t.credits, t.from_balance_after),
    (t.to_account, t.credits, t.to_balance_after)
) as side (account, amount, balance_after);
comment on view credit_entries is 'Both sides of each transaction';
grant select on credit_entries to waybill_delivery, waybill_delivery_system;

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

-- migrate:down
do $$
begin
  -- All of them or none: those who work lock some first and some later, in one order or another.
  perform set_config('lock_timeout', '200ms', true);
  loop
    begin
      lock table deliveries, credit_accounts, credit_holds, credit_transactions
        in access exclusive mode;
      exit;
    exception when lock_not_available then
      null;
    end;
  end loop;
end;
$$;

alter table credit_transactions
  drop constraint credit_transactions_pkey,
  add primary key (org_id, transaction_id);
drop view credit_entries;
create table credit_entries (
  org_id uuid not null,
  entry_id uuid not null,
  transaction_id uuid not null,
  workspace_id uuid not null,
  account text not null check (account in ('available', 'held', 'consumed', 'granted')),
  amount int not null check (amount <> 0),
  balance_after int not null check (case account
    when 'granted' then balance_after <= 0 else balance_after >= 0 end),
  version bigint not null,
  created_at timestamptz not null,
  trace_id trace_id not null,
  primary key (org_id, entry_id),
  unique (org_id, workspace_id, version, account),
  foreign key (org_id, transaction_id) references credit_transactions
);
comment on table credit_entries is
  'Both sides of each transaction; granted is where credits come from, so it goes below zero';

-- New keys look at all rows.
alter table credit_accounts no force row level security;
alter table deliveries no force row level security;
alter table credit_holds no force row level security;
alter table credit_transactions no force row level security;
insert into credit_entries (org_id, entry_id, transaction_id, workspace_id, account, amount,
  balance_after, version, created_at, trace_id)
select t.org_id, gen_random_uuid(), t.transaction_id, t.workspace_id, side.account, side.amount,
  side.balance_after, t.version, t.created_at, t.trace_id
from credit_transactions t
cross join lateral (
  values
    (t.from_account, -t.credits, t.from_balance_after),
    (t.to_account, t.credits, t.to_balance_after)
) as side (account, amount, balance_after);
create index idx_credit_entries_transaction on credit_entries (org_id, transaction_id);
create index idx_credit_entries_trace on credit_entries (trace_id);

alter table credit_transactions
  add constraint credit_transactions_type_check check (type in
    ('CREDIT_GRANT', 'CREDIT_HOLD', 'CREDIT_RELEASE', 'CREDIT_CONSUMPTION')),
  drop column version,
  drop column from_account,
  drop column to_account,
  drop column credits,
  drop column from_balance_after,
  drop column to_balance_after,
  add foreign key (org_id, workspace_id) references credit_accounts,
  add foreign key (org_id, delivery_id) references deliveries,
  add foreign key (org_id, hold_id) references credit_holds;
alter table credit_accounts force row level security;
alter table deliveries force row level security;
alter table credit_holds force row level security;
alter table credit_transactions force row level security;
