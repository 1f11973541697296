-- Deletes an appointment softly: lists no longer show it and its time is free. A repeat changes
-- nothing and is refused as not found.
-- Raises WB085 APPOINTMENT_NOT_FOUND.
create or replace function delete_appointment(
  p_org_id uuid,
  p_appointment_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_before appointments;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  v_before := lock_appointment(p_org_id, p_appointment_id,
    '{pending,confirmed,completed,cancelled,no_show}', '');
  perform free_appointment(v_before, 'deleted', p_now, 'tenant', v_trace, p_now);
end;
$$;
