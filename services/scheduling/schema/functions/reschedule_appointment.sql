-- Moves a pending or confirmed appointment to another time on its calendars, and to another
-- duration where p_duration_minutes is given; all or nothing.
--   - claims the new slot before it releases the old one, unless both overlap
--   - offers the time that became free to the waitlist
--   - an appointment that already has that time is returned as it is
--   - the same request id gets the same answer
--   - raises WB080 SLOT_TAKEN, WB081 SLOT_BUSY, WB082 SLOT_CLOSED, WB085 APPOINTMENT_NOT_FOUND,
--     WB086 APPOINTMENT_STATE_REFUSED, WB092 DURATION_REFUSED, WB005 REQUEST_ID_REUSED
create or replace function reschedule_appointment(
  p_org_id uuid,
  p_appointment_id uuid,
  p_scheduled_at timestamptz,
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
  v_before appointments;
  v_after appointments;
  v_old_claim_ids uuid[];
  v_overlaps boolean;
  v_placed record;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_before := lock_appointment(p_org_id, p_appointment_id, '{pending,confirmed}',
    'Only a pending or confirmed appointment can be moved.');
  v_after := v_before;
  v_after.scheduled_at := p_scheduled_at;
  v_after.duration_minutes := coalesce(p_duration_minutes, v_before.duration_minutes);
  if (v_after.scheduled_at, v_after.duration_minutes)
    = (v_before.scheduled_at, v_before.duration_minutes) then
    return finish_request(p_org_id, p_request_id, to_appointment(v_before));
  end if;
  if v_after.duration_minutes <> v_before.duration_minutes then
    perform resolve_booking(p_org_id, v_before.calendar_ids, v_before.service_id,
      v_after.duration_minutes);
  end if;
  select array_agg(k.claim_id), bool_or(k.during && tstzrange(
    p_scheduled_at - interval '240 minutes',
    p_scheduled_at + make_interval(mins => v_after.duration_minutes + 240)))
  into v_old_claim_ids, v_overlaps
  from claims k
  where k.org_id = p_org_id and k.appointment_id = p_appointment_id and k.status = 'booked';
  begin
    if v_overlaps then
      perform release_claims(p_org_id, p_appointment_id, v_old_claim_ids, p_now);
    end if;
    v_placed := place_claims(p_org_id, v_after.calendar_ids, p_scheduled_at,
      v_after.duration_minutes, null, null, p_appointment_id, v_before.trace_id, null, p_now);
  exception when lock_not_available then
    perform refuse_busy(v_after.calendar_ids);
  end;
  if v_placed.refused_calendar_id is not null then
    perform refuse_slot(p_org_id, v_after.calendar_ids, v_placed.refused_calendar_id,
      p_scheduled_at, v_after.duration_minutes, v_placed.lock_rejected, p_now);
  end if;
  perform release_claims(p_org_id, p_appointment_id, v_old_claim_ids, p_now);
  v_after := change_appointment(v_before, v_after, 'rescheduled', 'tenant', true, v_trace, p_now);
  perform promote_waitlist(p_org_id, v_before.calendar_ids, v_before.scheduled_at,
    v_before.duration_minutes, p_now);
  return finish_request(p_org_id, p_request_id, to_appointment(v_after));
end;
$$;
