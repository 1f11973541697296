-- Makes the appointment that a waitlist entry waits for, in the entry's trace. False where the
-- entry no longer waits, another call is promoting it, or the slot is gone.
-- The caller has set the tenant.
create or replace function promote_entry(
  p_org_id uuid,
  p_entry_id uuid,
  p_slot timestamptz,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
declare
  v_entry waitlist_entries;
  v_service services;
  v_made record;
begin
  select * into v_entry
  from waitlist_entries e
  where e.org_id = p_org_id and e.entry_id = p_entry_id and e.status = 'waiting'
  for update skip locked;
  if not found then
    return false;
  end if;
  select * into v_service
  from services s
  where s.org_id = p_org_id and s.service_id = v_entry.service_id;
  v_made := make_appointment(p_org_id, v_entry.contact_id, p_slot, v_entry.duration_minutes,
    v_entry.calendar_ids, case when v_service.needs_approval then 'pending' else 'confirmed' end,
    v_service.price_credits, v_entry.service_id, null, null, null, null, null, 'waitlist',
    v_entry.traceparent, p_now);
  if v_made.refused_calendar_id is not null then
    return false;
  end if;
  update waitlist_entries
  set status = 'promoted',
      appointment_id = (v_made.appointment).appointment_id,
      ended_at = p_now
  where org_id = p_org_id and entry_id = p_entry_id;
  perform record_change(p_org_id, 'waitlist_entry', p_entry_id, 'promoted', 'waitlist',
    jsonb_build_object('status', 'waiting'), jsonb_build_object('status', 'promoted',
      'appointment_id', (v_made.appointment).appointment_id), v_entry.traceparent, p_now);
  return true;
end;
$$;
