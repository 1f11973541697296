-- runs as: system
-- Why a calendar is closed at a time, bookings aside: 'notice', 'horizon', 'grid' or 'hours'; null
-- where it is open.
create or replace function slot_closed_cause(
  p_org_id uuid,
  p_calendar_id uuid,
  p_starts_at timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns text
language sql
stable
security definer
set search_path from current
as $$
  select case
    when p_starts_at < p_now + make_interval(mins => c.notice_minutes) then 'notice'
    when p_starts_at > p_now + make_interval(days => c.horizon_days) then 'horizon'
    when date_bin(make_interval(mins => c.slot_minutes), p_starts_at at time zone c.zone,
      timestamp '2000-01-01') <> p_starts_at at time zone c.zone then 'grid'
    when not exists (
      select from open_hours(p_org_id, array[p_calendar_id], p_starts_at, e.ends_at) h
      where h.open @> tstzrange(p_starts_at, e.ends_at)) then 'hours'
    end
  from calendars c
  cross join (select p_starts_at + make_interval(mins => p_duration_minutes)) as e (ends_at)
  where c.org_id = p_org_id and c.calendar_id = p_calendar_id;
$$;
