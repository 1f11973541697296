-- Cancels (p_deleted_at null) or deletes a locked appointment, frees its time and offers it to the
-- waitlist. Returns the changed appointment.
create or replace function free_appointment(
  p_before appointments,
  p_action text,
  p_deleted_at timestamptz,
  p_actor text,
  p_traceparent text,
  p_now timestamptz
) returns appointments
language plpgsql
set search_path from current
as $$
declare
  v_after appointments := p_before;
begin
  if p_before.status in ('pending', 'confirmed') then
    v_after.status := 'cancelled';
  end if;
  v_after.deleted_at := p_deleted_at;
  perform release_claims(p_before.org_id, p_before.appointment_id, null, p_now);
  v_after := change_appointment(p_before, v_after, p_action, p_actor,
    v_after.status <> p_before.status, p_traceparent, p_now);
  perform promote_waitlist(p_before.org_id, p_before.calendar_ids, p_before.scheduled_at,
    p_before.duration_minutes, p_now);
  return v_after;
end;
$$;
