-- A page of slots in [p_from, p_to), by start and calendar, after the pair (p_after_start,
-- p_after_calendar_id) where that is given. p_together: only starts that are free on all calendars,
-- as one appointment on all of them needs, each with the first calendar.
-- Raises WB083 CALENDAR_NOT_FOUND.
create or replace function list_slots(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz,
  p_duration_minutes int,
  p_together boolean,
  p_limit int,
  p_after_start timestamptz default null,
  p_after_calendar_id uuid default null,
  p_now timestamptz default now()
) returns table (calendar_id uuid, starts_at timestamptz)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_count constant int := cardinality(p_calendar_ids);
  v_left int := p_limit;
  v_found int;
  v_from timestamptz := greatest(p_from, coalesce(p_after_start, p_from), p_now);
  v_to timestamptz;
  v_span interval := interval '1 day';
begin
  perform set_tenant(array[p_org_id]);
  perform refuse_unknown_calendars(p_org_id, p_calendar_ids);
  -- Fills the page in growing steps: what lies behind it is not computed.
  while v_left > 0 and v_from < p_to loop
    v_to := least(p_to, v_from + v_span);
    return query
    select (array_agg(s.calendar_id order by array_position(p_calendar_ids, s.calendar_id)))[1],
      s.starts_at
    from slot_starts(p_org_id, p_calendar_ids, v_from, v_to, p_duration_minutes, p_now) s
    group by s.starts_at, case when p_together then null else s.calendar_id end
    having (not p_together or count(*) = v_count)
      and (p_after_start is null or (s.starts_at, case when p_together
        then p_after_calendar_id else min(s.calendar_id::text)::uuid end)
        > (p_after_start, p_after_calendar_id))
    order by s.starts_at, min(s.calendar_id::text)
    limit v_left;
    get diagnostics v_found = row_count;
    v_left := v_left - v_found;
    v_from := v_to;
    v_span := v_span * 2;
  end loop;
end;
$$;
