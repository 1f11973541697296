-- Removes an exception of a calendar; a repeat changes nothing.
-- Raises WB083 CALENDAR_NOT_FOUND.
create or replace function remove_exception(
  p_org_id uuid,
  p_calendar_id uuid,
  p_exception_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_before jsonb;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  perform lock_calendar(p_org_id, p_calendar_id);
  delete from calendar_exceptions e
  where e.org_id = p_org_id and e.calendar_id = p_calendar_id and e.exception_id = p_exception_id
  returning jsonb_build_object('exception_id', e.exception_id, 'day', e.day, 'kind', e.kind,
    'start_minute', e.start_minute, 'end_minute', e.end_minute) into v_before;
  if found then
    perform record_change(p_org_id, 'calendar', p_calendar_id, 'exception_removed', 'tenant',
      v_before, '{}', p_traceparent, p_now);
  end if;
end;
$$;
