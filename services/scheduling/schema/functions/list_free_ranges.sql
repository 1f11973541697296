-- A page of the times between p_from and p_to at which a seat of a calendar is free: open hours
-- less the times at which all seats are claimed. For free/busy export and for drawing. By calendar
-- and start, after the pair (p_after_calendar_id, p_after_start) where that is given.
-- Raises WB083 CALENDAR_NOT_FOUND.
create or replace function list_free_ranges(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz,
  p_limit int,
  p_after_calendar_id uuid default null,
  p_after_start timestamptz default null,
  p_now timestamptz default now()
) returns table (calendar_id uuid, starts_at timestamptz, ends_at timestamptz)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  -- By id, from the one at which the page before ended.
  v_calendar_ids constant uuid[] := array(
    select distinct c.calendar_id
    from unnest(p_calendar_ids) as c (calendar_id)
    where p_after_calendar_id is null or c.calendar_id >= p_after_calendar_id
    order by 1);
  v_place int := 1;
  v_count int := 16;
  v_left int := p_limit;
  v_found int;
begin
  perform set_tenant(array[p_org_id]);
  perform refuse_unknown_calendars(p_org_id, p_calendar_ids);
  -- A page is filled from the front: calendars far behind it are not looked at.
  while v_left > 0 and v_place <= cardinality(v_calendar_ids) loop
    return query
    select r.calendar_id, r.starts_at, r.ends_at
    from free_ranges(p_org_id, v_calendar_ids[v_place : v_place + v_count - 1], p_from, p_to,
      p_now) r
    where p_after_calendar_id is null
      or (r.calendar_id, r.starts_at) > (p_after_calendar_id, p_after_start)
    order by r.calendar_id, r.starts_at
    limit v_left;
    get diagnostics v_found = row_count;
    v_left := v_left - v_found;
    v_place := v_place + v_count;
    v_count := v_count * 16;
  end loop;
end;
$$;
