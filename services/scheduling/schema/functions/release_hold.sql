-- Releases a live hold and offers its time to the waitlist; a hold that has ended is returned as it
-- is. Raises WB087 HOLD_NOT_FOUND, WB088 HOLD_ENDED where it became an appointment.
create or replace function release_hold(
  p_org_id uuid,
  p_hold_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_hold holds;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_hold := lock_hold(p_org_id, p_hold_id);
  if v_hold.status = 'confirmed' then
    perform refuse(88, 'The hold became an appointment. Cancel the appointment.', jsonb_build_object(
      'hold_id', p_hold_id, 'status', v_hold.status, 'appointment_id', v_hold.appointment_id));
  end if;
  if end_holds(p_org_id, array[p_hold_id], 'released', 'tenant', p_now) > 0 then
    perform promote_waitlist(p_org_id, v_hold.calendar_ids, v_hold.scheduled_at,
      v_hold.duration_minutes, p_now);
  end if;
  return (select to_hold(h) from holds h where h.org_id = p_org_id and h.hold_id = p_hold_id);
end;
$$;
