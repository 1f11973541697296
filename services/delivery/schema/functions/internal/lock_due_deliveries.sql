-- Chooses due deliveries over all tenants for a caller that has room, and locks them.
--   - Up to p_limit, all that is due and fits is chosen, oldest first, but for workspaces that
--     have p_workspace_limit under way (p_busy_counts of p_busy_workspace_ids).
--   - Where not all of it fits, lock_due_deliveries_by_share chooses.
--   - p_spare_count of p_in_flight_limit is kept for workspaces below their share.
--   - What was due before p_due_from is left to a call without it.
-- For use by claim_deliveries.
create or replace function lock_due_deliveries(
  p_limit int,
  p_workspace_limit int,
  p_in_flight_limit int,
  p_spare_count int,
  p_busy_workspace_ids uuid[],
  p_busy_counts int[],
  p_due_from timestamptz,
  p_now timestamptz
) returns table (
  org_id uuid,
  delivery_id uuid,
  workspace_id uuid,
  due_at timestamptz
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_due_from constant timestamptz := coalesce(p_due_from, '-infinity');
  v_busy_count constant int := coalesce((select sum(b) from unnest(p_busy_counts) b), 0);
  v_room constant int := least(p_limit, p_in_flight_limit - v_busy_count);
  v_unspared_room constant int :=
    greatest(0, least(p_limit, p_in_flight_limit - p_spare_count - v_busy_count));
begin
  if v_room <= 0 then
    return;
  end if;
  if v_unspared_room >= (
    select count(*)
    from (
      select
      from deliveries d
      where d.status in ('PENDING', 'IN_PROGRESS')
        and (d.waiting_for is null or d.waiting_for = 'retry')
        and d.due_at between v_due_from and p_now
      order by d.due_at, d.delivery_id
      limit v_unspared_room + 1
    ) first
  ) then
    return query
    select d.org_id, d.delivery_id, d.workspace_id, d.due_at
    from deliveries d
    where d.status in ('PENDING', 'IN_PROGRESS')
      and (d.waiting_for is null or d.waiting_for = 'retry')
      and d.due_at between v_due_from and p_now
      and d.workspace_id not in (
        select b.workspace_id
        from unnest(p_busy_workspace_ids, p_busy_counts) as b (workspace_id, busy_count)
        where b.busy_count >= p_workspace_limit)
    order by d.due_at, d.delivery_id
    limit v_unspared_room
    for update skip locked;
    return;
  end if;

  return query
  select s.*
  from lock_due_deliveries_by_share(v_room, p_workspace_limit, p_in_flight_limit, p_spare_count,
    p_busy_workspace_ids, p_busy_counts, v_busy_count, v_due_from, p_now) s;
end;
$$;
