-- Chooses due deliveries over all tenants for a caller that has room, and locks them. Up to p_limit,
-- all that is due and fits is chosen, but for p_workspace_limit of a workspace. Where not all of it
-- fits, those workspaces come first that have the fewest under way (p_busy_counts of
-- p_busy_workspace_ids), of each the oldest due: a backlog keeps no other's deliveries waiting. Of
-- p_in_flight_limit, p_spare_count are kept for workspaces with less under way than the share of
-- each, counted with one more than there are, so that a newcomer finds room though nobody answers.
-- Deliveries due before p_due_from are left to a call without it. For use by claim_deliveries.
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
        and d.due_at between v_due_from and p_now
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
    limit v_room
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
        and d.due_at between v_due_from and p_now
      order by d.due_at, d.delivery_id
      limit least(v_room, p_workspace_limit - s.busy_count)
    ) d
  ), quota as materialized (
    select p.org_id, p.workspace_id, count(*) as quota
    from placed p
    cross join share s
    where p.place <= v_room
      and (p.under_way <= s.share
        or v_busy_count + p.place <= p_in_flight_limit - p_spare_count)
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
      and d.due_at between v_due_from and p_now
    order by d.due_at, d.delivery_id
    limit q.quota
    for update skip locked
  ) d;
end;
$$;
