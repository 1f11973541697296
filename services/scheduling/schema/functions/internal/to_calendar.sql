-- A calendar with its weekly hours as the store reads it and as the answer of a request is stored.
create or replace function to_calendar(p_calendar calendars)
returns jsonb
language sql
stable
set search_path from current
as $$
  select to_jsonb(p_calendar) - '{org_id,feed_secret_hash,updated_at,capacity_since}'::text[]
    || jsonb_build_object('hours', coalesce((
      select jsonb_agg(jsonb_build_object('weekday', h.weekday, 'start_minute', h.start_minute,
        'end_minute', h.end_minute) order by h.weekday, h.start_minute)
      from calendar_hours h
      where h.org_id = p_calendar.org_id and h.calendar_id = p_calendar.calendar_id), '[]'));
$$;
