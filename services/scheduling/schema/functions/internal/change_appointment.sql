-- Writes a changed status or time of a locked appointment with its audit row. A material change,
-- which invitations must follow, increments the iCalendar sequence.
create or replace function change_appointment(
  p_before appointments,
  p_after appointments,
  p_action text,
  p_actor text,
  p_material boolean,
  p_traceparent text,
  p_now timestamptz
) returns appointments
language plpgsql
set search_path from current
as $$
declare
  v_after appointments;
begin
  update appointments a
  set status = p_after.status,
      scheduled_at = p_after.scheduled_at,
      duration_minutes = p_after.duration_minutes,
      local_time = p_after.scheduled_at at time zone a.zone,
      zone_data = case when p_after.scheduled_at = a.scheduled_at then a.zone_data
        else 'postgresql ' || current_setting('server_version') end,
      remind_at = case
        when p_after.status not in ('pending', 'confirmed') or p_after.deleted_at is not null
          then null
        when p_after.scheduled_at = a.scheduled_at then a.remind_at
        else remind_at(p_after.scheduled_at, p_now) end,
      deleted_at = p_after.deleted_at,
      change_count = a.change_count + 1,
      sequence = a.sequence + p_material::int,
      updated_at = p_now
  where a.org_id = p_before.org_id and a.appointment_id = p_before.appointment_id
  returning * into v_after;
  perform record_change(v_after.org_id, 'appointment', v_after.appointment_id, p_action, p_actor,
    appointment_facts(p_before), appointment_facts(v_after), p_traceparent, p_now);
  return v_after;
end;
$$;
