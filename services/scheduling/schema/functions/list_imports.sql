-- A page of a calendar's imports, oldest first, after p_after (null: from the oldest).
-- Raises WB083 CALENDAR_NOT_FOUND.
create or replace function list_imports(
  p_org_id uuid,
  p_calendar_id uuid,
  p_limit int,
  p_after uuid default null
) returns table (import jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  perform refuse_missing_calendar(p_org_id, p_calendar_id);
  return query
  select to_import(i)
  from imports i
  where i.org_id = p_org_id and i.calendar_id = p_calendar_id and i.status = 'active'
    and (p_after is null or i.import_id > p_after)
  order by i.import_id
  limit p_limit;
end;
$$;
