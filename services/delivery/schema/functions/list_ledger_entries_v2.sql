-- A page of a workspace's ledger, both sides of each transaction, newest first, after
-- (p_before_version, p_after_account); nulls: from the newest. A grant or a release has its reason.
create or replace function list_ledger_entries_v2(
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
  trace_id text,
  reason text
)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_newest bigint := p_before_version;
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  if v_newest is null then
    select a.version into v_newest
    from credit_accounts a
    where a.org_id = p_org_id and a.workspace_id = p_of_workspace_id;
  end if;
  return query
  select e.entry_id, e.transaction_id, e.type, e.account, e.amount, e.balance_after, e.delivery_id,
    e.version, e.created_at, e.trace_id::text, t.reason
  from credit_entries e
  join credit_transactions t using (org_id, workspace_id, version)
  where e.org_id = p_org_id and e.workspace_id = p_of_workspace_id
    -- Versions have no gaps and two entries each, so no page reaches further back.
    and e.version between v_newest - p_limit and v_newest
    and (p_before_version is null or e.version < p_before_version or e.account > p_after_account)
  order by e.version desc, e.account
  limit p_limit;
end;
$$;
