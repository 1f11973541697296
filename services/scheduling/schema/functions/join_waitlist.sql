-- Adds an entry that waits for a slot of some duration, which begins between p_earliest and
-- p_latest on the calendars (null: those of the service). Where such a slot is free already, the
-- first entry in line gets it at once. The same request id gets the same answer.
-- Raises WB083 CALENDAR_NOT_FOUND, WB084 SERVICE_NOT_FOUND, WB092 DURATION_REFUSED, WB005
-- REQUEST_ID_REUSED.
create or replace function join_waitlist(
  p_org_id uuid,
  p_contact_id uuid,
  p_service_id uuid,
  p_calendar_ids uuid[],
  p_earliest timestamptz,
  p_latest timestamptz,
  p_duration_minutes int,
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
  v_answer jsonb;
  v_booking record;
  v_entry waitlist_entries;
  v_slot timestamptz;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_booking := resolve_booking(p_org_id, p_calendar_ids, p_service_id, p_duration_minutes);
  insert into waitlist_entries (org_id, entry_id, contact_id, service_id, calendar_ids, earliest,
    latest, duration_minutes, created_at, trace_id, traceparent)
  values (p_org_id, gen_random_uuid(), p_contact_id, p_service_id, v_booking.calendar_ids,
    p_earliest, p_latest, p_duration_minutes, p_now, substr(v_trace, 4, 32), v_trace)
  returning * into v_entry;
  perform record_change(p_org_id, 'waitlist_entry', v_entry.entry_id, 'joined', 'tenant', '{}',
    jsonb_build_object('status', 'waiting', 'earliest', p_earliest, 'latest', p_latest,
      'calendar_ids', v_booking.calendar_ids), v_trace, p_now);
  v_slot := first_slot(p_org_id, v_entry.calendar_ids, p_earliest, p_latest, p_duration_minutes,
    p_now);
  if v_slot is not null then
    perform promote_waitlist(p_org_id, v_entry.calendar_ids, v_slot, p_duration_minutes, p_now);
    select * into v_entry
    from waitlist_entries e
    where e.org_id = p_org_id and e.entry_id = v_entry.entry_id;
  end if;
  return finish_request(p_org_id, p_request_id, to_waitlist_entry(v_entry));
end;
$$;
