-- runs as: system
-- When calendars are open between p_from and p_to; an archived calendar has no row.
--   - weekly hours except on holidays, and hours opened by exception
--   - less hours closed by exception and imported busy times with the calendar's buffers around
--     them
--   - local times become instants day by day: a bound in a gap moves by the gap (RFC 5545, 3.3.5);
--     of a time that occurs twice, hours begin at the first and end at the second; hours between
--     two such times occur twice
--   - a day that a zone skipped has no hours
--   - security definer: range operators do not reach an index behind a policy
create or replace function open_hours(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz
) returns table (calendar_id uuid, open tstzmultirange)
language plpgsql
stable
security definer
set search_path from current
as $$
#variable_conflict use_column
begin
  return query
  with calendar as (
    select c.calendar_id, c.zone, c.holiday_set,
      make_interval(mins => c.buffer_before_minutes) as before,
      make_interval(mins => c.buffer_after_minutes) as after
    from calendars c
    where c.org_id = p_org_id and c.calendar_id = any (p_calendar_ids) and c.status = 'active'
  ), day as (
    select c.*, d.day, extract(isodow from d.day)::int as weekday
    from calendar c
    -- From the day before: hours may last past midnight.
    cross join generate_series(
      date_trunc('day', p_from at time zone c.zone) - interval '1 day',
      date_trunc('day', p_to at time zone c.zone),
      interval '1 day') as d (day)
  ), hours as (
    select d.calendar_id, d.zone, true as opens,
      d.day + make_interval(mins => h.start_minute) as starts,
      d.day + make_interval(mins => h.end_minute) as ends
    from day d
    join calendar_hours h
      on h.org_id = p_org_id and h.calendar_id = d.calendar_id and h.weekday = d.weekday
    where not exists (
      select from holidays y
      where y.org_id = p_org_id and y.holiday_set = d.holiday_set and y.day = d.day::date)
    union all
    select c.calendar_id, c.zone, e.kind = 'open',
      e.day + make_interval(mins => e.start_minute),
      e.day + make_interval(mins => e.end_minute)
    from calendar c
    join calendar_exceptions e on e.org_id = p_org_id and e.calendar_id = c.calendar_id
    where e.day between (p_from at time zone c.zone)::date - 1 and (p_to at time zone c.zone)::date
  ), instant as (
    -- Of a wall time that occurs twice this is the second.
    select h.*, h.starts at time zone h.zone as starts_at, h.ends at time zone h.zone as ends_at
    from hours h
  ), set_back as (
    -- By how much clocks were set back in the day before.
    select i.*,
      (i.starts_at - interval '1 day') at time zone i.zone - i.starts + interval '1 day'
        as starts_back,
      (i.ends_at - interval '1 day') at time zone i.zone - i.ends + interval '1 day' as ends_back
    from instant i
  ), twice as (
    select i.calendar_id, i.zone, i.opens, i.starts, i.ends, i.starts_at, i.ends_at
    from instant i
    union all
    select b.calendar_id, b.zone, b.opens, b.starts, b.ends,
      case when (b.starts_at - b.starts_back) at time zone b.zone = b.starts
        then b.starts_at - b.starts_back else b.starts_at end,
      case when (b.ends_at - b.ends_back) at time zone b.zone = b.ends
        then b.ends_at - b.ends_back else b.ends_at end
    from set_back b
    where b.starts_back > interval '0' or b.ends_back > interval '0'
  ), part as (
    select i.calendar_id, i.opens, tstzrange(i.starts_at, i.ends_at) as during
    from twice i
    where i.starts_at < i.ends_at
      -- Both bounds in a gap: these hours did not happen.
      and (i.starts_at at time zone i.zone = i.starts or i.ends_at at time zone i.zone = i.ends)
    union all
    select b.calendar_id, false, tstzrange(lower(b.during) - c.after, upper(b.during) + c.before)
    from external_busy b
    join calendar c on c.calendar_id = b.calendar_id
    where b.org_id = p_org_id and b.calendar_id = any (p_calendar_ids)
      -- Buffers have 240 minutes at most.
      and b.during && tstzrange(p_from - interval '240 minutes', p_to + interval '240 minutes')
  )
  select p.calendar_id,
    coalesce(range_agg(p.during) filter (where p.opens), '{}'::tstzmultirange)
      - coalesce(range_agg(p.during) filter (where not p.opens), '{}'::tstzmultirange)
  from part p
  group by p.calendar_id
  having bool_or(p.opens);
end;
$$;
