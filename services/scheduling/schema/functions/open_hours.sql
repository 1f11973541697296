-- When calendars are open between p_from and p_to: weekly hours but on holidays, and hours opened by
-- exception, less hours closed by exception and busy times imported from elsewhere. Local times
-- become instants day by day; a bound in a gap moves by the gap (RFC 5545, 3.3.5), one that is there
-- twice means standard time, and hours of a day that a zone skipped are none. Archived calendars
-- have no row. Security definer: range operators do not reach an index behind a policy.
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
    select c.calendar_id, c.zone, c.holiday_set
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
    select h.*, h.starts at time zone h.zone as starts_at, h.ends at time zone h.zone as ends_at
    from hours h
  ), part as (
    select i.calendar_id, i.opens, tstzrange(i.starts_at, i.ends_at) as during
    from instant i
    where i.starts_at < i.ends_at
      -- Both bounds in a gap: these hours did not happen.
      and (i.starts_at at time zone i.zone = i.starts or i.ends_at at time zone i.zone = i.ends)
    union all
    select b.calendar_id, false, b.during
    from external_busy b
    where b.org_id = p_org_id and b.calendar_id = any (p_calendar_ids)
      and b.during && tstzrange(p_from, p_to)
  )
  select p.calendar_id,
    coalesce(range_agg(p.during) filter (where p.opens), '{}'::tstzmultirange)
      - coalesce(range_agg(p.during) filter (where not p.opens), '{}'::tstzmultirange)
  from part p
  group by p.calendar_id
  having bool_or(p.opens);
end;
$$;
