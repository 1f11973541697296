-- tested by: test_list_ledger_entries_v2.py
-- As list_ledger_entries_v2, without reasons: for processes of the release before that.
create or replace function list_ledger_entries(
  p_org_id uuid,
  p_workspace_id uuid,
  p_of_workspace_id uuid,
  p_limit int,
  p_before_version bigint default null,
  p_after_account text default null
) returns table (
  entry_id uuid,
  transaction_id uuid,
  type text,
  account text,
  amount int,
  balance_after int,
  delivery_id uuid,
  version bigint,
  created_at timestamptz,
  trace_id text
)
language sql
set search_path from current
as $$
  select entry_id, transaction_id, type, account, amount, balance_after, delivery_id, version,
    created_at, trace_id
  from list_ledger_entries_v2(p_org_id, p_workspace_id, p_of_workspace_id, p_limit,
    p_before_version, p_after_account);
$$;
