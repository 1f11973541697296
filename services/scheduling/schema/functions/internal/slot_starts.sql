-- runs as: system
-- The one predicate of listing and of booking: every start in [p_from, p_to) at which a call
-- without competitors can book p_duration_minutes on a calendar.
--   - seat is the first one that is free; during is the range, buffers included, that the booking
--     claims
--   - a start lies on the calendar's grid of local time, after its notice and within its horizon;
--     its time lies within open hours, its range is free of live claims
--   - where the capacity was lowered, each claim beyond it takes up one of the seats that are left
create or replace function slot_starts(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns table (calendar_id uuid, starts_at timestamptz, seat int, during tstzrange)
language plpgsql
stable
security definer
set search_path from current
as $$
#variable_conflict use_column
begin
  return query
  with calendar as (
    select c.calendar_id, c.zone, c.capacity,
      make_interval(mins => c.slot_minutes) as grid,
      -- Zones shift by half an hour at the least, so a step of this size meets the grid again.
      make_interval(mins => gcd(c.slot_minutes, 30)) as step,
      make_interval(mins => p_duration_minutes) as duration,
      make_interval(mins => c.buffer_before_minutes) as before,
      make_interval(mins => c.buffer_after_minutes) as after,
      greatest(p_from, p_now + make_interval(mins => c.notice_minutes)) as from_at,
      least(p_to, p_now + make_interval(days => c.horizon_days)) as to_at
    from calendars c
    where c.org_id = p_org_id and c.calendar_id = any (p_calendar_ids) and c.status = 'active'
  ), claimed as (
    select k.calendar_id, k.seat, range_agg(k.during) as taken
    from claims k
    where k.org_id = p_org_id and k.calendar_id = any (p_calendar_ids)
      and k.status in ('held', 'booked') and k.deleted_at is null
      -- Buffers have 240 minutes at most.
      and k.during && tstzrange(p_from - interval '240 minutes',
        p_to + make_interval(mins => p_duration_minutes + 240))
      and (k.status = 'booked' or k.hold_expires_at > p_now) -- not a fence: reads free time
    group by k.calendar_id, k.seat
  ), place as (
    select c.calendar_id, k.seat, k.taken, 1 as seat_count
    from calendar c
    join claimed k on k.calendar_id = c.calendar_id and k.seat <= c.capacity
    union all
    -- Seats without claims are equal: the first stands for all.
    select c.calendar_id, min(s.seat), '{}'::tstzmultirange, count(*)::int
    from calendar c
    cross join generate_series(1, c.capacity) as s (seat)
    where not exists (
      select from claimed k where k.calendar_id = c.calendar_id and k.seat = s.seat)
    group by c.calendar_id
  ), beyond as (
    -- Seats that are claimed although the capacity was lowered: each takes up one of the others.
    select c.calendar_id, array_agg(k.taken) as taken
    from calendar c
    join claimed k on k.calendar_id = c.calendar_id and k.seat > c.capacity
    group by c.calendar_id
  ), opened as (
    select c.*, greatest(lower(w.hours), c.from_at) as opens_at,
      least(upper(w.hours) - c.duration, c.to_at) as closes_at
    from calendar c
    join open_hours(p_org_id, p_calendar_ids, p_from,
      p_to + make_interval(mins => p_duration_minutes)) h on h.calendar_id = c.calendar_id
    cross join unnest(h.open) as w (hours)
  ), first_start as (
    select o.*, o.opens_at + ceiling.gap as first_at
    from opened o
    cross join lateral (
      select date_bin(o.step, o.opens_at at time zone o.zone, timestamp '2000-01-01') as floor_at,
        o.opens_at at time zone o.zone as local_at
    ) l
    cross join lateral (
      select case when l.floor_at = l.local_at then interval '0'
        else l.floor_at + o.step - l.local_at end as gap
    ) ceiling
    where o.opens_at <= o.closes_at
  ), candidate as (
    select f.calendar_id, g.starts_at,
      tstzrange(g.starts_at - f.before, g.starts_at + f.duration + f.after) as during
    from first_start f
    cross join generate_series(f.first_at, f.closes_at, f.step) as g (starts_at)
    where g.starts_at < p_to
      and (f.grid = f.step or date_bin(f.grid, g.starts_at at time zone f.zone,
        timestamp '2000-01-01') = g.starts_at at time zone f.zone)
  )
  select f.calendar_id, f.starts_at, f.seat, f.during
  from (
    select s.calendar_id, s.starts_at, s.during, min(p.seat) as seat,
      sum(p.seat_count) as seat_count,
      case when b.taken is null then 0 else (
        select count(*)
        from unnest(b.taken) as t (taken)
        where t.taken && s.during) end as beyond_count
    from candidate s
    join place p on p.calendar_id = s.calendar_id
    left join beyond b on b.calendar_id = s.calendar_id
    where not p.taken && s.during
    group by s.calendar_id, s.starts_at, s.during, b.taken
  ) f
  where f.seat_count > f.beyond_count; -- fence: lowered capacity
end;
$$;
