-- An appointment as the store reads it and as the answer of a request is stored.
create or replace function to_appointment(p_appointment appointments)
returns jsonb
language sql
stable
set search_path from current
as $$
  select jsonb_build_object(
    'appointment_id', p_appointment.appointment_id,
    'contact_id', p_appointment.contact_id,
    'service_id', p_appointment.service_id,
    'series_id', p_appointment.series_id,
    'calendar_ids', p_appointment.calendar_ids,
    'scheduled_at', p_appointment.scheduled_at,
    'duration_minutes', p_appointment.duration_minutes,
    'local_time', p_appointment.local_time,
    'zone', p_appointment.zone,
    'status', p_appointment.status,
    'price_credits', p_appointment.price_credits,
    'notes', p_appointment.notes,
    'metadata', p_appointment.metadata,
    'sequence', p_appointment.sequence,
    'created_at', p_appointment.created_at,
    'updated_at', p_appointment.updated_at,
    'trace_id', p_appointment.trace_id);
$$;
