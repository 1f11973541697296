-- The days of a holiday set by date, at most the thousand that a set may have; no rows for a set
-- that does not exist.
create or replace function get_holidays(p_org_id uuid, p_holiday_set text)
returns table (day date, name text)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id]);
  return query
  select h.day, h.name
  from holidays h
  where h.org_id = p_org_id and h.holiday_set = p_holiday_set
  order by h.day;
end;
$$;
