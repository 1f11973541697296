-- Raises WB083 CALENDAR_NOT_FOUND where a calendar does not exist; an archived one does.
-- The caller has set the tenant.
create or replace function refuse_missing_calendar(p_org_id uuid, p_calendar_id uuid)
returns void
language plpgsql
stable
set search_path from current
as $$
begin
  if not exists (
    select from calendars c
    where c.org_id = p_org_id and c.calendar_id = p_calendar_id) then
    perform refuse(83, 'There is no such calendar.',
      jsonb_build_object('calendar_id', p_calendar_id));
  end if;
end;
$$;
