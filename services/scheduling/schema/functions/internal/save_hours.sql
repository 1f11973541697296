-- Replaces a calendar's weekly hours by p_hours: an array of weekday, start_minute, end_minute.
-- The caller has set the tenant.
create or replace function save_hours(p_org_id uuid, p_calendar_id uuid, p_hours jsonb)
returns void
language plpgsql
set search_path from current
as $$
begin
  delete from calendar_hours where org_id = p_org_id and calendar_id = p_calendar_id;
  insert into calendar_hours (org_id, calendar_id, weekday, start_minute, end_minute)
  select p_org_id, p_calendar_id, h.weekday, h.start_minute, h.end_minute
  from jsonb_to_recordset(p_hours) as h (weekday int, start_minute int, end_minute int);
end;
$$;
