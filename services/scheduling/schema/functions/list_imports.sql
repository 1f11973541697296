-- The imports of a calendar, oldest first; there are never many.
create or replace function list_imports(p_org_id uuid, p_calendar_id uuid)
returns table (import jsonb)
language plpgsql
set search_path from current
as $$
begin
  perform enter(array[p_org_id]);
  return query
  select to_import(i)
  from imports i
  where i.org_id = p_org_id and i.calendar_id = p_calendar_id and i.status = 'active'
  order by i.import_id;
end;
$$;
