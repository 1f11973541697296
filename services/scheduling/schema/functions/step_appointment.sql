-- Moves an appointment to p_to: pending → confirmed (approved), confirmed → completed or no_show
-- once it has begun. An appointment that already has that status is returned as it is.
-- Raises WB085 APPOINTMENT_NOT_FOUND, WB086 APPOINTMENT_STATE_REFUSED, WB005 REQUEST_ID_REUSED.
create or replace function step_appointment(
  p_org_id uuid,
  p_appointment_id uuid,
  p_to text,
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
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_before := lock_appointment(p_org_id, p_appointment_id,
    array[case p_to when 'confirmed' then 'pending' else 'confirmed' end, p_to],
    'The appointment''s status does not allow this.');
  v_after := v_before;
  if v_before.status <> p_to then
    if p_to in ('completed', 'no_show') and v_before.scheduled_at > p_now then
      perform refuse(86, 'The appointment has not begun.', jsonb_build_object(
        'appointment_id', p_appointment_id, 'status', v_before.status));
    end if;
    v_after.status := p_to;
    v_after := change_appointment(v_before, v_after,
      case p_to when 'confirmed' then 'approved' else p_to end, 'tenant', p_to = 'confirmed',
      v_trace, p_now);
  end if;
  return finish_request(p_org_id, p_request_id, to_appointment(v_after));
end;
$$;
