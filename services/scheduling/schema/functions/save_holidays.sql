-- Replaces the days of a holiday set; answers how many it has.
create or replace function save_holidays(
  p_org_id uuid,
  p_holiday_set text,
  p_days date[],
  p_names text[],
  p_traceparent text
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_count int;
begin
  perform enter(array[p_org_id], null, p_traceparent);
  delete from holidays where org_id = p_org_id and holiday_set = p_holiday_set;
  insert into holidays (org_id, holiday_set, day, name)
  select distinct on (d.day) p_org_id, p_holiday_set, d.day, d.name
  from unnest(p_days, p_names) as d (day, name)
  order by d.day;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
