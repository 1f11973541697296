-- Locks and reads an appointment for a change. Raises WB085 APPOINTMENT_NOT_FOUND, WB086
-- APPOINTMENT_STATE_REFUSED where p_statuses do not include its status.
-- The caller has set the tenant.
create or replace function lock_appointment(
  p_org_id uuid,
  p_appointment_id uuid,
  p_statuses text[],
  p_message text
) returns appointments
language plpgsql
set search_path from current
as $$
declare
  v_appointment appointments;
begin
  select * into v_appointment
  from appointments a
  where a.org_id = p_org_id and a.appointment_id = p_appointment_id and a.deleted_at is null
  for update;
  if not found then
    perform refuse(85, 'There is no such appointment.',
      jsonb_build_object('appointment_id', p_appointment_id));
  end if;
  if v_appointment.status <> all (p_statuses) then
    perform refuse(86, p_message, jsonb_build_object(
      'appointment_id', p_appointment_id, 'status', v_appointment.status));
  end if;
  return v_appointment;
end;
$$;
