-- One calendar, archived or not, or no row.
create or replace function get_calendar(p_org_id uuid, p_calendar_id uuid)
returns table (calendar jsonb)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_calendar(c)
  from calendars c
  where c.org_id = p_org_id and c.calendar_id = p_calendar_id;
end;
$$;
