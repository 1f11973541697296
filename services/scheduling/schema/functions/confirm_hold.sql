-- Makes the appointment of a live hold, in the hold's trace; a repeat returns the same appointment.
-- Raises WB087 HOLD_NOT_FOUND, WB088 HOLD_ENDED (released or expired).
create or replace function confirm_hold(
  p_org_id uuid,
  p_hold_id uuid,
  p_notes text,
  p_metadata jsonb,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_hold holds;
  v_service services;
  v_made record;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_hold := lock_hold(p_org_id, p_hold_id);
  if v_hold.status = 'confirmed' then
    return (
      select to_appointment(a)
      from appointments a
      where a.org_id = p_org_id and a.appointment_id = v_hold.appointment_id);
  end if;
  if v_hold.status <> 'live'
    or v_hold.expires_at <= p_now -- fence: expiry
  then
    perform refuse(88, 'The hold has ended. Search for a free slot and hold or book it.',
      jsonb_build_object('hold_id', p_hold_id,
        'status', case v_hold.status when 'live' then 'expired' else v_hold.status end));
  end if;
  select * into v_service
  from services s
  where s.org_id = p_org_id and s.service_id = v_hold.service_id;
  v_made := make_appointment(p_org_id, v_hold.contact_id, v_hold.scheduled_at,
    v_hold.duration_minutes, v_hold.calendar_ids,
    case when v_service.needs_approval then 'pending' else 'confirmed' end,
    v_service.price_credits, v_hold.service_id, null, p_hold_id, p_notes, p_metadata, null,
    'tenant', v_hold.traceparent, p_now);
  update holds
  set status = 'confirmed',
      appointment_id = (v_made.appointment).appointment_id,
      ended_at = p_now
  where org_id = p_org_id and hold_id = p_hold_id;
  perform record_change(p_org_id, 'hold', p_hold_id, 'confirmed', 'tenant',
    jsonb_build_object('status', 'live'), jsonb_build_object('status', 'confirmed',
      'appointment_id', (v_made.appointment).appointment_id), v_hold.traceparent, p_now);
  return to_appointment(v_made.appointment);
end;
$$;
