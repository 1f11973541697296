-- Locks and reads a calendar, archived or not, for a change. p_version is the version that the
-- caller read; null: any. Raises WB083 CALENDAR_NOT_FOUND, WB010 ETAG_MISMATCH.
-- The caller has set the tenant.
create or replace function lock_calendar(
  p_org_id uuid,
  p_calendar_id uuid,
  p_version int default null
) returns calendars
language plpgsql
set search_path from current
as $$
declare
  v_calendar calendars;
begin
  select * into v_calendar
  from calendars c
  where c.org_id = p_org_id and c.calendar_id = p_calendar_id
  -- Not its key, so that bookings, whose claims refer to it, go on.
  for no key update;
  if not found then
    perform refuse(83, 'There is no such calendar.',
      jsonb_build_object('calendar_id', p_calendar_id));
  end if;
  if v_calendar.version <> p_version then -- fence: version
    perform refuse(10, 'The calendar was changed meanwhile. Read it again.',
      jsonb_build_object('etag', v_calendar.version));
  end if;
  return v_calendar;
end;
$$;
