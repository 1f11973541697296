-- Makes parked deliveries of these workspaces due again, oldest first: for 'credit' as many as
-- there are credits available, for 'endpoint' all, at most 1,000 of either in one workspace; the
-- sweep wakes the rest. Returns how many. For use by other functions, which have set the tenant or
-- run as the system role, and have locked the workspaces' accounts: a claim parks under the same
-- lock, so that no delivery is parked after the grant that it waits for.
create or replace function wake_deliveries(
  p_org_ids uuid[],
  p_workspace_ids uuid[],
  p_waiting_for text,
  p_now timestamptz
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_woken int;
begin
  with parked as materialized (
    select d.org_id, d.delivery_id
    from (select distinct * from unnest(p_org_ids, p_workspace_ids) as n (org_id, workspace_id)) n
    join credit_accounts a using (org_id, workspace_id)
    cross join lateral (
      select d.org_id, d.delivery_id
      from deliveries d
      where d.org_id = n.org_id and d.workspace_id = n.workspace_id
        and d.waiting_for = p_waiting_for
      order by d.delivery_id
      limit case p_waiting_for when 'credit' then least(a.available, 1000) else 1000 end
    ) d
  ), locked as materialized (
    select d.org_id, d.delivery_id
    from deliveries d
    join parked using (org_id, delivery_id)
    where d.waiting_for = p_waiting_for
    order by d.org_id, d.delivery_id
    -- A completion by hand holds its delivery and waits for the account that we hold.
    for update of d skip locked
  ), ended as (
    update delivery_waits w
    set ended_at = p_now
    from locked l
    where w.org_id = l.org_id and w.delivery_id = l.delivery_id and w.ended_at is null
  )
  update deliveries d
  set waiting_for = null,
      due_at = p_now
  from locked l
  where d.org_id = l.org_id and d.delivery_id = l.delivery_id;
  get diagnostics v_woken = row_count;
  return v_woken;
end;
$$;
