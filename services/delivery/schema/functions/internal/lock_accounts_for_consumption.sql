-- Locks the accounts that credits are consumed from, in order, and checks that what is taken from
-- 'available' is still there. For use by complete_deliveries_and_consume_credits, which has set
-- the tenant. Raises serialization_failure (40001: call again) where other completions spent it.
create or replace function lock_accounts_for_consumption(
  p_org_ids uuid[],
  p_workspace_ids uuid[],
  p_from_accounts text[]
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform
  from (
    select n.org_id, n.workspace_id,
      count(*) filter (where n.from_account = 'available') as needed
    from unnest(p_org_ids, p_workspace_ids, p_from_accounts)
      as n (org_id, workspace_id, from_account)
    group by n.org_id, n.workspace_id
    order by n.org_id, n.workspace_id -- fence: account order
  ) n
  cross join lateral (
    select a.available
    from credit_accounts a
    where a.org_id = n.org_id and a.workspace_id = n.workspace_id
    limit 1
    for update
  ) a
  where a.available < n.needed;
  if found then -- fence: available credits
    raise exception using
      errcode = 'serialization_failure',
      message = 'other completions spent the credits meanwhile';
  end if;
end;
$$;
