-- Books a slot on every calendar named, or on those of the service, and returns the appointment.
--   - tries to lock the sorted 15-minute buckets of the calendars; where another call has one of
--     them it goes on (lock_rejected in the answer says so): the insert waits for the competitor
--     and the exclusion constraint decides
--   - bookings of an org with the same p_lock_key are made one after another, whatever their
--     calendars
--   - the same request id gets the same answer
--   - raises WB080 SLOT_TAKEN, WB081 SLOT_BUSY (waited 5 s), WB082 SLOT_CLOSED, WB083
--     CALENDAR_NOT_FOUND, WB084 SERVICE_NOT_FOUND, WB092 DURATION_REFUSED, WB005 REQUEST_ID_REUSED,
--     WB001 INVALID_REQUEST
create or replace function book_appointment_with_lock(
  p_org_id uuid,
  p_contact_id uuid,
  p_scheduled_at timestamptz,
  p_duration_minutes int,
  p_service_id uuid default null,
  p_notes text default null,
  p_metadata jsonb default null,
  p_lock_key text default null,
  p_calendar_ids uuid[] default null,
  p_request_id text default null,
  p_traceparent text default null,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_answer jsonb;
  v_booking record;
  v_made record;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  if num_nulls(p_contact_id, p_scheduled_at, p_duration_minutes) > 0 then
    perform refuse(1, 'contact_id, scheduled_at and duration_minutes are required.',
      '{"fields": "contact_id,scheduled_at,duration_minutes"}');
  end if;
  -- By the epoch, since the text of a time depends on the session's zone.
  v_answer := begin_request(p_org_id, p_request_id, encode(sha256(convert_to(jsonb_build_array(
    'book', p_contact_id, extract(epoch from p_scheduled_at), p_duration_minutes, p_service_id,
    p_notes, p_metadata, p_calendar_ids, p_request_id)::text, 'UTF8')), 'hex'), v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_booking := resolve_booking(p_org_id, p_calendar_ids, p_service_id, p_duration_minutes);
  begin
    v_made := make_appointment(p_org_id, p_contact_id, p_scheduled_at, p_duration_minutes,
      v_booking.calendar_ids, v_booking.status, v_booking.price_credits, p_service_id, null, null,
      p_notes, p_metadata, p_lock_key, 'tenant', v_trace, p_now);
  exception when lock_not_available then
    perform refuse_busy(v_booking.calendar_ids);
  end;
  if v_made.refused_calendar_id is not null then
    perform refuse_slot(p_org_id, v_booking.calendar_ids, v_made.refused_calendar_id,
      p_scheduled_at, p_duration_minutes, v_made.lock_rejected, p_now);
  end if;
  return finish_request(p_org_id, p_request_id, to_appointment(v_made.appointment)
    || jsonb_build_object('lock_rejected', v_made.lock_rejected));
end;
$$;
