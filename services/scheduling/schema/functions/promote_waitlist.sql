-- Gives time that became free to those who wait for it, first come first served, at most 20 of them:
-- each gets the first slot that begins within the freed time (less its own duration before it) and
-- within what it waits for, as an appointment in its own trace. Who is being promoted elsewhere is
-- passed over.
-- The caller has entered.
create or replace function promote_waitlist(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_scheduled_at timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_entry waitlist_entries;
  v_ends_at constant timestamptz := p_scheduled_at + make_interval(mins => p_duration_minutes);
  v_service services;
  v_slot timestamptz;
  v_made record;
  v_count int := 0;
begin
  for v_entry in
    select e.*
    from waitlist_entries e
    where e.org_id = p_org_id and e.status = 'waiting' and e.calendar_ids && p_calendar_ids
      and e.latest > p_now and e.earliest < v_ends_at and e.latest > p_scheduled_at
        - make_interval(mins => e.duration_minutes)
    order by e.created_at, e.entry_id
    limit 20
    for update skip locked
  loop
    select s.starts_at into v_slot
    from slot_starts(p_org_id, v_entry.calendar_ids,
      greatest(v_entry.earliest, p_scheduled_at - make_interval(mins => v_entry.duration_minutes)),
      least(v_entry.latest, v_ends_at), v_entry.duration_minutes, p_now) s
    group by s.starts_at
    having count(*) = cardinality(v_entry.calendar_ids)
    order by s.starts_at
    limit 1;
    continue when not found;
    select * into v_service
    from services s
    where s.org_id = p_org_id and s.service_id = v_entry.service_id;
    v_made := make_appointment(p_org_id, v_entry.contact_id, v_slot, v_entry.duration_minutes,
      v_entry.calendar_ids, case when v_service.needs_approval then 'pending' else 'confirmed' end,
      v_service.price_credits, v_entry.service_id, null, null, null, null, null, 'waitlist',
      v_entry.traceparent, p_now);
    continue when v_made.refused_calendar_id is not null;
    update waitlist_entries
    set status = 'promoted',
        appointment_id = (v_made.appointment).appointment_id,
        ended_at = p_now
    where org_id = p_org_id and entry_id = v_entry.entry_id;
    perform record_change(p_org_id, 'waitlist_entry', v_entry.entry_id, 'promoted', 'waitlist',
      jsonb_build_object('status', 'waiting'), jsonb_build_object('status', 'promoted',
        'appointment_id', (v_made.appointment).appointment_id), v_entry.traceparent, p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
