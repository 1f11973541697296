-- For each calendar, when a seat of it is free between p_from and p_to: open hours less the times at
-- which every seat is claimed. For free/busy export and for drawing.
create or replace function list_free_ranges(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz,
  p_now timestamptz default now()
) returns table (calendar_id uuid, starts_at timestamptz, ends_at timestamptz)
language sql
stable
security definer
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
  with claimed as (
    select k.calendar_id, k.seat, range_agg(k.during) as taken
    from claims k
    where k.org_id = p_org_id and k.calendar_id = any (p_calendar_ids)
      and k.status in ('held', 'booked') and k.deleted_at is null
      and k.during && tstzrange(p_from, p_to)
      and (k.status = 'booked' or k.hold_expires_at > p_now)
    group by k.calendar_id, k.seat
  ), taken as (
    select k.calendar_id, range_intersect_agg(k.taken) as taken
    from claimed k
    join calendars c
      on c.org_id = p_org_id and c.calendar_id = k.calendar_id and k.seat <= c.capacity
    group by k.calendar_id, c.capacity
    having count(*) = c.capacity
  )
  select h.calendar_id, lower(r.free), upper(r.free)
  from open_hours(p_org_id, p_calendar_ids, p_from, p_to) h
  left join taken t using (calendar_id)
  cross join unnest((h.open - coalesce(t.taken, '{}'::tstzmultirange))
    * tstzmultirange(tstzrange(p_from, p_to))) as r (free)
  order by 1, 2;
$$;
