-- runs as: system
-- The times of a calendar's live claims that overlap a slot with its buffers, at most 10: a JSON
-- array of start and end, without ids.
create or replace function list_conflicts(
  p_org_id uuid,
  p_calendar_id uuid,
  p_starts_at timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns jsonb
language sql
stable
security definer
set search_path from current
as $$
  select coalesce(jsonb_agg(jsonb_build_object('start', lower(o.during), 'end', upper(o.during))
    order by o.during), '[]')
  from (
    select distinct k.during
    from calendars c
    join claims k on k.org_id = c.org_id and k.calendar_id = c.calendar_id
    where c.org_id = p_org_id and c.calendar_id = p_calendar_id
      and k.org_id = p_org_id and k.calendar_id = p_calendar_id
      and k.status in ('held', 'booked') and k.deleted_at is null
      and k.during && tstzrange(
        p_starts_at - make_interval(mins => c.buffer_before_minutes),
        p_starts_at + make_interval(mins => p_duration_minutes + c.buffer_after_minutes))
      and (k.status = 'booked' or k.hold_expires_at > p_now) -- not a fence: reads free time
    order by 1
    limit 10
  ) o;
$$;
