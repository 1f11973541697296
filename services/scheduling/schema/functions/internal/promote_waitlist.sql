-- Offers time that became free to the entries that wait for it, in order of arrival, at most 20.
--   - each entry gets the first slot that touches the freed time with its buffers and begins within
--     what it waits for
--   - an entry that another call is promoting is skipped
--   - where another call is booking the same time for too long, the sweep does the rest: freeing
--     never fails because of the waitlist
--   - returns how many entries were promoted
--   - the caller has set the tenant
create or replace function promote_waitlist(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_scheduled_at timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  -- Buffers have 240 minutes at most.
  v_from constant timestamptz := p_scheduled_at - interval '240 minutes';
  v_to constant timestamptz := p_scheduled_at + make_interval(mins => p_duration_minutes + 240);
  v_entry_id uuid;
  v_slot timestamptz;
  v_passed uuid[] := '{}';
  v_count int := 0;
begin
  while v_count < 20 loop
    -- Slots are searched once for all entries that wait for the same calendars and duration.
    with waiting as materialized (
      select e.entry_id, e.created_at, e.calendar_ids, e.duration_minutes,
        greatest(e.earliest, v_from - make_interval(mins => e.duration_minutes)) as from_at,
        least(e.latest, v_to) as to_at
      from waitlist_entries e
      where e.org_id = p_org_id and e.status = 'waiting' and e.calendar_ids && p_calendar_ids
        and e.latest > p_now and e.earliest < v_to
        and e.latest > v_from - make_interval(mins => e.duration_minutes)
        and e.entry_id <> all (v_passed)
    ), wanted as (
      select w.calendar_ids, w.duration_minutes, min(w.from_at) as from_at, max(w.to_at) as to_at
      from waiting w
      group by 1, 2
    ), free as materialized (
      select w.calendar_ids, w.duration_minutes, s.starts_at
      from wanted w
      cross join lateral slot_starts(p_org_id, w.calendar_ids, w.from_at, w.to_at,
        w.duration_minutes, p_now) s
      group by 1, 2, 3
      having count(*) = cardinality(w.calendar_ids)
    )
    select w.entry_id, min(f.starts_at)
    into v_entry_id, v_slot
    from waiting w
    join free f using (calendar_ids, duration_minutes)
    where f.starts_at >= w.from_at and f.starts_at < w.to_at
    group by w.created_at, w.entry_id
    order by w.created_at, w.entry_id
    limit 1;
    exit when not found;
    begin
      if promote_entry(p_org_id, v_entry_id, v_slot, p_now) then -- fence: promotion
        v_count := v_count + 1;
      else
        v_passed := v_passed || v_entry_id;
      end if;
    exception when lock_not_available then
      exit;
    end;
  end loop;
  return v_count;
end;
$$;
