-- Refuses a slot with the next free ones, and with times only, never whose they are.
--   - raises WB082 SLOT_CLOSED with the cause (notice, horizon, grid, hours)
--   - or WB080 SLOT_TAKEN with the times in the way and whether another call had the locks
--   - the caller has set the tenant
create or replace function refuse_slot(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_calendar_id uuid,
  p_starts_at timestamptz,
  p_duration_minutes int,
  p_lock_rejected boolean,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_cause constant text := slot_closed_cause(p_org_id, p_calendar_id, p_starts_at,
    p_duration_minutes, p_now);
  v_facts jsonb := jsonb_build_object('calendar_id', p_calendar_id);
begin
  v_facts := v_facts || jsonb_build_object('next_slots', coalesce((
    select jsonb_agg(s.starts_at order by s.starts_at)
    from list_slots(p_org_id, p_calendar_ids, greatest(p_starts_at, p_now),
      greatest(p_starts_at, p_now) + interval '14 days', p_duration_minutes, true, 3,
      p_now => p_now) s), '[]')::text);
  if v_cause is not null then
    perform refuse(82, 'The calendar cannot be booked at this time.',
      v_facts || jsonb_build_object('cause', v_cause));
  end if;
  perform refuse(80, 'The slot is taken. Take one of the next free ones.',
    v_facts || jsonb_build_object('lock_rejected', p_lock_rejected::text, 'conflicts',
      list_conflicts(p_org_id, p_calendar_id, p_starts_at, p_duration_minutes, p_now)::text));
end;
$$;
