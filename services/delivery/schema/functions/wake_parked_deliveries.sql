-- runs as: system
-- Wakes parked deliveries of workspaces that have what they wait for, in at most p_limit
-- workspaces: the rest of a long queue, and those that a wake-up skipped. Returns how many, or
-- null when another process ran this tick.
create or replace function wake_parked_deliveries(
  p_limit int,
  p_every_seconds double precision,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
security definer
set search_path from current
as $$
declare
  v_org_ids uuid[];
  v_workspace_ids uuid[];
begin
  if not begin_tick('wake_parked_deliveries', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  select array_agg(w.org_id), array_agg(w.workspace_id)
  into v_org_ids, v_workspace_ids
  from (
    select d.org_id, d.workspace_id
    from deliveries d
    join credit_accounts a using (org_id, workspace_id)
    where (d.waiting_for = 'credit' and a.available > 0)
      or (d.waiting_for = 'endpoint' and exists (
        select from endpoints e
        where e.org_id = d.org_id and e.workspace_id = d.workspace_id and e.status = 'active'))
    group by d.org_id, d.workspace_id
    order by d.org_id, d.workspace_id
    limit p_limit
  ) w;
  if v_org_ids is null then
    return 0;
  end if;
  perform lock_accounts(v_org_ids, v_workspace_ids);
  return wake_deliveries(v_org_ids, v_workspace_ids, 'credit', p_now) + wake_deliveries(
    array(select e.org_id from endpoints e
      join unnest(v_org_ids, v_workspace_ids) as n (org_id, workspace_id)
        using (org_id, workspace_id)
      where e.status = 'active' order by e.endpoint_id),
    array(select e.workspace_id from endpoints e
      join unnest(v_org_ids, v_workspace_ids) as n (org_id, workspace_id)
        using (org_id, workspace_id)
      where e.status = 'active' order by e.endpoint_id),
    'endpoint', p_now);
end;
$$;
