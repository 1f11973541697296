-- runs as: system
-- Puts reminders that are due into the outbox, at most p_limit of all tenants. Returns how many, or
-- null when another process ran this tick.
create or replace function emit_reminders(
  p_limit int,
  p_every_seconds double precision,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
security definer
set search_path from current
as $$
declare
  v_appointment appointments;
  v_count int := 0;
begin
  if not begin_tick('emit_reminders', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  for v_appointment in
    select a.*
    from appointments a
    where a.remind_at <= p_now
    order by a.remind_at
    limit p_limit
    for update skip locked
  loop
    perform set_tenant(array[v_appointment.org_id], null, v_appointment.traceparent);
    update appointments
    set remind_at = null
    where org_id = v_appointment.org_id and appointment_id = v_appointment.appointment_id;
    perform enqueue_appointment_event(v_appointment.org_id, gen_random_uuid(),
      v_appointment.appointment_id, 'reminder', appointment_facts(v_appointment),
      v_appointment.traceparent, p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
