-- A page of a calendar's exceptions by day, after the pair (p_after_day, p_after_id) where that is
-- given. Raises WB083 CALENDAR_NOT_FOUND.
create or replace function list_exceptions(
  p_org_id uuid,
  p_calendar_id uuid,
  p_limit int,
  p_after_day date default null,
  p_after_id uuid default null
) returns table (exception jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  perform refuse_missing_calendar(p_org_id, p_calendar_id);
  return query
  select jsonb_build_object('exception_id', e.exception_id, 'day', e.day, 'kind', e.kind,
    'start_minute', e.start_minute, 'end_minute', e.end_minute)
  from calendar_exceptions e
  where e.org_id = p_org_id and e.calendar_id = p_calendar_id
    and (p_after_day is null or (e.day, e.exception_id) > (p_after_day, p_after_id))
  order by e.day, e.exception_id
  limit p_limit;
end;
$$;
