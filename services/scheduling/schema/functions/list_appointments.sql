-- A page of appointments by time, from p_from to p_to (null: open), after the pair (p_after_at,
-- p_after_id); of one calendar, contact or status, or of all where those are null.
create or replace function list_appointments(
  p_org_id uuid,
  p_calendar_id uuid,
  p_contact_id uuid,
  p_status text,
  p_from timestamptz,
  p_to timestamptz,
  p_limit int,
  p_after_at timestamptz default null,
  p_after_id uuid default null
) returns table (appointment jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform enter(array[p_org_id]);
  return query
  select to_appointment(a)
  from appointments a
  where a.org_id = p_org_id and a.deleted_at is null
    and (p_status is null or a.status = p_status)
    and (p_contact_id is null or a.contact_id = p_contact_id)
    and (p_calendar_id is null or p_calendar_id = any (a.calendar_ids))
    and (p_from is null or a.scheduled_at >= p_from)
    and (p_to is null or a.scheduled_at < p_to)
    and (p_after_at is null or (a.scheduled_at, a.appointment_id) > (p_after_at, p_after_id))
  order by a.scheduled_at, a.appointment_id
  limit p_limit;
end;
$$;
