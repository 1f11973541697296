-- When a seat of a calendar is free between p_from and p_to. Security definer: range operators do not
-- reach an index behind a policy.
create or replace function free_ranges(
  p_org_id uuid,
  p_calendar_id uuid,
  p_from timestamptz,
  p_to timestamptz,
  p_now timestamptz default now()
) returns table (starts_at timestamptz, ends_at timestamptz)
language sql
stable
security definer
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
  with edge as (
    select e.at, sum(e.step) as step
    from claims k
    cross join lateral (values (lower(k.during), 1), (upper(k.during), -1)) as e (at, step)
    where k.org_id = p_org_id and k.calendar_id = p_calendar_id
      and k.status in ('held', 'booked') and k.deleted_at is null
      and k.during && tstzrange(p_from, p_to)
      and (k.status = 'booked' or k.hold_expires_at > p_now)
    group by e.at
  ), depth as (
    select e.at, lead(e.at) over w as until, sum(e.step) over w as depth
    from edge e
    window w as (order by e.at)
  ), taken as (
    select coalesce(range_agg(tstzrange(d.at, d.until)), '{}'::tstzmultirange) as taken
    from depth d
    join calendars c on c.org_id = p_org_id and c.calendar_id = p_calendar_id
    where d.depth >= c.capacity
  )
  select lower(r.free), upper(r.free)
  from open_hours(p_org_id, array[p_calendar_id], p_from, p_to) h
  cross join taken t
  cross join unnest((h.open - t.taken) * tstzmultirange(tstzrange(p_from, p_to))) as r (free)
  order by 1;
$$;
