-- The columns of an appointment that are not personal, for the audit trail.
create or replace function appointment_facts(p_appointment appointments)
returns jsonb
language sql
immutable
set search_path from current
as $$
  select case when p_appointment.appointment_id is null then '{}'::jsonb
    else jsonb_strip_nulls(jsonb_build_object(
      'status', p_appointment.status,
      'scheduled_at', p_appointment.scheduled_at,
      'duration_minutes', p_appointment.duration_minutes,
      'calendar_ids', p_appointment.calendar_ids,
      'deleted_at', p_appointment.deleted_at)) end;
$$;
