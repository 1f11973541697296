-- Holds a slot for p_hold_seconds without an appointment. The same request id gets the same answer.
-- Raises what book_appointment_with_lock raises.
create or replace function hold_slot(
  p_org_id uuid,
  p_contact_id uuid,
  p_scheduled_at timestamptz,
  p_duration_minutes int,
  p_service_id uuid,
  p_calendar_ids uuid[],
  p_hold_seconds int,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_id constant uuid := gen_random_uuid();
  v_expires_at constant timestamptz := p_now + make_interval(secs => p_hold_seconds);
  v_answer jsonb;
  v_booking record;
  v_placed record;
  v_hold holds;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_booking := resolve_booking(p_org_id, p_calendar_ids, p_service_id, p_duration_minutes);
  begin
    v_placed := place_claims(p_org_id, v_booking.calendar_ids, p_scheduled_at,
      p_duration_minutes, v_id, v_expires_at, null, substr(v_trace, 4, 32), null, p_now);
  exception when lock_not_available then
    perform refuse_busy(v_booking.calendar_ids);
  end;
  if v_placed.refused_calendar_id is not null then
    perform refuse_slot(p_org_id, v_booking.calendar_ids, v_placed.refused_calendar_id,
      p_scheduled_at, p_duration_minutes, v_placed.lock_rejected, p_now);
  end if;
  insert into holds (org_id, hold_id, contact_id, service_id, calendar_ids, scheduled_at,
    duration_minutes, expires_at, created_at, trace_id, traceparent)
  values (p_org_id, v_id, p_contact_id, p_service_id, v_booking.calendar_ids, p_scheduled_at,
    p_duration_minutes, v_expires_at, p_now, substr(v_trace, 4, 32), v_trace)
  returning * into v_hold;
  perform record_change(p_org_id, 'hold', v_id, 'held', 'tenant', '{}', jsonb_build_object(
    'status', 'live', 'scheduled_at', p_scheduled_at, 'duration_minutes', p_duration_minutes,
    'calendar_ids', v_booking.calendar_ids, 'expires_at', v_expires_at), v_trace, p_now);
  return finish_request(p_org_id, p_request_id, to_hold(v_hold));
end;
$$;
