-- Cancels a pending or confirmed appointment, frees its time and offers it to the waitlist, in one
-- transaction. An appointment that is already cancelled is returned as it is.
-- Raises WB085 APPOINTMENT_NOT_FOUND, WB086 APPOINTMENT_STATE_REFUSED (completed, no_show), WB005
-- REQUEST_ID_REUSED.
create or replace function cancel_appointment(
  p_org_id uuid,
  p_appointment_id uuid,
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
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, v_trace, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_before := lock_appointment(p_org_id, p_appointment_id, '{pending,confirmed,cancelled}',
    'A completed or missed appointment cannot be cancelled.');
  if v_before.status <> 'cancelled' then
    v_before := free_appointment(v_before, 'cancelled', null, 'tenant', v_trace, p_now);
  end if;
  return finish_request(p_org_id, p_request_id, to_appointment(v_before));
end;
$$;
