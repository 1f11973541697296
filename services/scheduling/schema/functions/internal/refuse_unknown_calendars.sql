-- Raises WB083 CALENDAR_NOT_FOUND where one of the calendars does not exist or is archived.
-- The caller has set the tenant.
create or replace function refuse_unknown_calendars(p_org_id uuid, p_calendar_ids uuid[])
returns void
language plpgsql
stable
set search_path from current
as $$
declare
  v_calendar_id uuid;
begin
  select w.calendar_id into v_calendar_id
  from unnest(p_calendar_ids) as w (calendar_id)
  where not exists (
    select from calendars c
    where c.org_id = p_org_id and c.calendar_id = w.calendar_id and c.status = 'active')
  limit 1;
  if found then
    perform refuse(83, 'There is no such calendar, or it is archived.',
      jsonb_build_object('calendar_id', v_calendar_id));
  end if;
end;
$$;
