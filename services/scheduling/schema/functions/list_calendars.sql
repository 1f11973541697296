-- A page of calendars that are in use, oldest first, after p_after (null: from the oldest).
create or replace function list_calendars(p_org_id uuid, p_limit int, p_after uuid default null)
returns table (calendar jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_calendar(c)
  from calendars c
  where c.org_id = p_org_id and c.status = 'active'
    and (p_after is null or c.calendar_id > p_after)
  order by c.calendar_id
  limit p_limit;
end;
$$;
