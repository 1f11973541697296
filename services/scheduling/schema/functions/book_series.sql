-- Books the starts of a recurring appointment in order, those that are free.
--   - returns the series with an outcome for each start: 'booked' with the appointment, 'closed'
--     with the cause, or 'taken' with the times in the way
--   - the same request id gets the same answer
--   - raises WB083 CALENDAR_NOT_FOUND, WB084 SERVICE_NOT_FOUND, WB092 DURATION_REFUSED, WB081
--     SLOT_BUSY, WB005 REQUEST_ID_REUSED
create or replace function book_series(
  p_org_id uuid,
  p_contact_id uuid,
  p_service_id uuid,
  p_calendar_ids uuid[],
  p_rule text,
  p_local_start timestamp,
  p_zone text,
  p_starts timestamptz[],
  p_duration_minutes int,
  p_notes text,
  p_metadata jsonb,
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
  v_answer jsonb;
  v_booking record;
  v_made record;
  v_cause text;
  v_start timestamptz;
  v_outcomes jsonb := '[]';
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_booking := resolve_booking(p_org_id, p_calendar_ids, p_service_id, p_duration_minutes);
  insert into series (org_id, series_id, contact_id, rule, local_start, zone, created_at, trace_id)
  values (p_org_id, v_id, p_contact_id, p_rule, p_local_start, p_zone, p_now,
    substr(v_trace, 4, 32));
  begin
    foreach v_start in array p_starts loop
      v_made := make_appointment(p_org_id, p_contact_id, v_start, p_duration_minutes,
        v_booking.calendar_ids, v_booking.status, v_booking.price_credits, p_service_id, v_id,
        null, p_notes, p_metadata, null, 'series', v_trace, p_now);
      v_cause := slot_closed_cause(p_org_id, v_made.refused_calendar_id, v_start,
        p_duration_minutes, p_now);
      v_outcomes := v_outcomes || jsonb_strip_nulls(jsonb_build_object(
        'starts_at', v_start,
        'outcome', case when v_made.refused_calendar_id is null then 'booked'
          when v_cause is not null then 'closed' else 'taken' end,
        'appointment_id', (v_made.appointment).appointment_id,
        'calendar_id', v_made.refused_calendar_id,
        'cause', v_cause,
        'conflicts', case when v_made.refused_calendar_id is not null and v_cause is null
          then list_conflicts(p_org_id, v_made.refused_calendar_id, v_start, p_duration_minutes,
            p_now) end));
    end loop;
  exception when lock_not_available then
    perform refuse_busy(v_booking.calendar_ids);
  end;
  perform record_change(p_org_id, 'series', v_id, 'created', 'tenant', '{}', jsonb_build_object(
    'rule', p_rule, 'local_start', p_local_start, 'zone', p_zone), v_trace, p_now);
  return finish_request(p_org_id, p_request_id,
    jsonb_build_object('series_id', v_id, 'trace_id', substr(v_trace, 4, 32),
      'occurrences', v_outcomes));
end;
$$;
