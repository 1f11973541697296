-- Chooses at most p_room due deliveries where more are due than fit, and locks them.
--   - Workspaces with the fewest under way (p_busy_counts of p_busy_workspace_ids, p_busy_count in
--     all) come first, of each the oldest due: a backlog delays no other workspace's deliveries.
--   - p_spare_count of p_in_flight_limit is kept for workspaces below their share, counted with one
--     workspace more than there are: a newcomer finds room even while no buyer answers.
-- For use by lock_due_deliveries.
create or replace function lock_due_deliveries_by_share(
  p_room int,
  p_workspace_limit int,
  p_in_flight_limit int,
  p_spare_count int,
  p_busy_workspace_ids uuid[],
  p_busy_counts int[],
  p_busy_count int,
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
begin
  return query
  with recursive busy as (
    select b.workspace_id, b.busy_count
    from unnest(p_busy_workspace_ids, p_busy_counts) as b (workspace_id, busy_count)
  ), open_workspace as (
    -- One look-up in the index for each workspace, however many deliveries it has.
    (select d.org_id, d.workspace_id
    from deliveries d
    where d.status in ('PENDING', 'IN_PROGRESS')
      and (d.waiting_for is null or d.waiting_for = 'retry')
    order by d.org_id, d.workspace_id
    limit 1)
    union all
    select n.org_id, n.workspace_id
    from open_workspace w
    cross join lateral (
      select d.org_id, d.workspace_id
      from deliveries d
      where d.status in ('PENDING', 'IN_PROGRESS')
        and (d.waiting_for is null or d.waiting_for = 'retry')
        and (d.org_id, d.workspace_id) > (w.org_id, w.workspace_id)
      order by d.org_id, d.workspace_id
      limit 1
    ) n
  ), due_workspace as materialized (
    select w.org_id, w.workspace_id, coalesce(b.busy_count, 0) as busy_count, o.due_at
    from open_workspace w
    left join busy b using (workspace_id)
    cross join lateral (
      select d.due_at
      from deliveries d
      where d.status in ('PENDING', 'IN_PROGRESS')
        and (d.waiting_for is null or d.waiting_for = 'retry')
        and d.org_id = w.org_id
        and d.workspace_id = w.workspace_id
        and d.due_at between p_due_from and p_now
      order by d.due_at
      limit 1
    ) o
  ), share as materialized (
    select greatest(1, p_in_flight_limit / (count(*) + 1)) as share
    from (
      select w.workspace_id from due_workspace w
      union
      select b.workspace_id from busy b
    ) active
  ), served as materialized (
    select w.*
    from due_workspace w
    where w.busy_count < p_workspace_limit
    order by w.busy_count, w.due_at
    limit p_room
  ), placed as (
    select s.org_id, s.workspace_id, s.busy_count + d.number as under_way,
      row_number() over (order by s.busy_count + d.number, d.due_at) as place
    from served s
    cross join lateral (
      select d.due_at, row_number() over (order by d.due_at, d.delivery_id) as number
      from deliveries d
      where d.status in ('PENDING', 'IN_PROGRESS')
        and (d.waiting_for is null or d.waiting_for = 'retry')
        and d.org_id = s.org_id
        and d.workspace_id = s.workspace_id
        and d.due_at between p_due_from and p_now
      order by d.due_at, d.delivery_id
      limit least(p_room, p_workspace_limit - s.busy_count)
    ) d
  ), quota as materialized (
    select p.org_id, p.workspace_id, count(*) as quota
    from placed p
    cross join share s
    where p.place <= p_room
      and (p.under_way <= s.share
        or p_busy_count + p.place <= p_in_flight_limit - p_spare_count)
    group by p.org_id, p.workspace_id
  )
  select d.org_id, d.delivery_id, d.workspace_id, d.due_at
  from quota q
  cross join lateral (
    select d.org_id, d.delivery_id, d.workspace_id, d.due_at
    from deliveries d
    where d.status in ('PENDING', 'IN_PROGRESS')
      and (d.waiting_for is null or d.waiting_for = 'retry')
      and d.org_id = q.org_id
      and d.workspace_id = q.workspace_id
      and d.due_at between p_due_from and p_now
    order by d.due_at, d.delivery_id
    limit q.quota
    for update skip locked
  ) d;
end;
$$;
