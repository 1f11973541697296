-- Makes an appointment with its claims, or with those of a hold.
--   - returns the appointment; or null, with the calendar that refused the slot in
--     refused_calendar_id
--   - p_calendar_ids, p_status and p_price_credits come from resolve_booking; lock_rejected comes
--     from place_claims
--   - the caller has set the tenant
create or replace function make_appointment(
  p_org_id uuid,
  p_contact_id uuid,
  p_scheduled_at timestamptz,
  p_duration_minutes int,
  p_calendar_ids uuid[],
  p_status text,
  p_price_credits int,
  p_service_id uuid,
  p_series_id uuid,
  p_hold_id uuid,
  p_notes text,
  p_metadata jsonb,
  p_lock_key text,
  p_actor text,
  p_traceparent text,
  p_now timestamptz,
  out appointment appointments,
  out refused_calendar_id uuid,
  out lock_rejected boolean
)
language plpgsql
set search_path from current
as $$
declare
  v_id constant uuid := gen_random_uuid();
  v_zone text;
begin
  if p_hold_id is null then
    select c.refused_calendar_id, c.lock_rejected
    into refused_calendar_id, lock_rejected
    from place_claims(p_org_id, p_calendar_ids, p_scheduled_at,
      p_duration_minutes, null, null, v_id, substr(p_traceparent, 4, 32), p_lock_key, p_now) c;
    if refused_calendar_id is not null then
      return;
    end if;
  end if;
  select c.zone into strict v_zone
  from calendars c
  where c.org_id = p_org_id and c.calendar_id = p_calendar_ids[1];
  insert into appointments (org_id, appointment_id, contact_id, service_id, series_id,
    calendar_ids, scheduled_at, duration_minutes, local_time, zone, zone_data, status,
    price_credits, notes, metadata, change_count, remind_at, created_at, updated_at, trace_id,
    traceparent)
  values (p_org_id, v_id, p_contact_id, p_service_id, p_series_id, p_calendar_ids, p_scheduled_at,
    p_duration_minutes, p_scheduled_at at time zone v_zone, v_zone,
    'postgresql ' || current_setting('server_version'), p_status, p_price_credits, p_notes,
    coalesce(p_metadata, '{}'), 1, remind_at(p_scheduled_at, p_now), p_now, p_now,
    substr(p_traceparent, 4, 32), p_traceparent)
  returning * into appointment;
  if p_hold_id is not null then
    update claims
    set status = 'booked',
        appointment_id = v_id
    where org_id = p_org_id and hold_id = p_hold_id and status = 'held';
  end if;
  perform record_change(p_org_id, 'appointment', v_id, 'booked', p_actor, '{}',
    appointment_facts(appointment), p_traceparent, p_now);
end;
$$;
