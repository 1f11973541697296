-- Replaces the days of a holiday set and returns how many it has. A concurrent replacement of the
-- same set waits: the days of the last one stay.
create or replace function save_holidays(
  p_org_id uuid,
  p_holiday_set text,
  p_days date[],
  p_names text[],
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_id uuid;
  v_before jsonb;
  v_count int;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  insert into holiday_sets as h (org_id, holiday_set, holiday_set_id, created_at, updated_at,
    trace_id)
  values (p_org_id, p_holiday_set, gen_random_uuid(), p_now, p_now, substr(p_traceparent, 4, 32))
  on conflict (org_id, holiday_set) do update
  set updated_at = excluded.updated_at,
      trace_id = excluded.trace_id
  returning h.holiday_set_id into v_id;
  v_before := holiday_facts(p_org_id, p_holiday_set);
  delete from holidays where org_id = p_org_id and holiday_set = p_holiday_set;
  insert into holidays (org_id, holiday_set, day, name)
  select distinct on (d.day) p_org_id, p_holiday_set, d.day, d.name
  from unnest(p_days, p_names) as d (day, name)
  order by d.day;
  get diagnostics v_count = row_count;
  perform record_change(p_org_id, 'holiday_set', v_id, 'replaced', 'tenant', v_before,
    holiday_facts(p_org_id, p_holiday_set), p_traceparent, p_now);
  return v_count;
end;
$$;
