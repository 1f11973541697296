-- runs as: system
-- When a seat of each calendar is free between p_from and p_to. Security definer: range operators
-- do not reach an index behind a policy.
create or replace function free_ranges(
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
  with edge as (
    select k.calendar_id, e.at, sum(e.step) as step
    from claims k
    cross join lateral (values (lower(k.during), 1), (upper(k.during), -1)) as e (at, step)
    where k.org_id = p_org_id and k.calendar_id = any (p_calendar_ids)
      and k.status in ('held', 'booked') and k.deleted_at is null
      and k.during && tstzrange(p_from, p_to)
      and (k.status = 'booked' or k.hold_expires_at > p_now) -- not a fence: reads free time
    group by k.calendar_id, e.at
  ), depth as (
    select e.calendar_id, e.at, lead(e.at) over w as until, sum(e.step) over w as depth
    from edge e
    window w as (partition by e.calendar_id order by e.at)
  ), taken as (
    select d.calendar_id, range_agg(tstzrange(d.at, d.until)) as taken
    from depth d
    join calendars c on c.org_id = p_org_id and c.calendar_id = d.calendar_id
    where d.depth >= c.capacity
    group by d.calendar_id
  )
  select h.calendar_id, lower(r.free), upper(r.free)
  from open_hours(p_org_id, p_calendar_ids, p_from, p_to) h
  left join taken t using (calendar_id)
  cross join unnest((h.open - coalesce(t.taken, '{}'::tstzmultirange))
    * tstzmultirange(tstzrange(p_from, p_to))) as r (free)
  order by 1, 2;
$$;
