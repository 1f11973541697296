-- Puts an event for the timeline of an appointment's contact into the outbox, from where the relay
-- sends it to sync. p_facts hold nothing personal.
-- The caller has set the tenant.
create or replace function enqueue_appointment_event(
  p_org_id uuid,
  p_event_id uuid,
  p_appointment_id uuid,
  p_kind text,
  p_facts jsonb,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language sql
set search_path from current
as $$
  insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
    trace_id, traceparent)
  select p_org_id, gen_random_uuid(), 'sync.appointment_events', p_event_id,
    jsonb_build_object('type', 'appointment_' || p_kind, 'subject_id', a.appointment_id,
      'occurred_at', p_now,
      'details', p_facts || jsonb_build_object('contact_id', a.contact_id)),
    p_now, p_now, substr(p_traceparent, 4, 32), p_traceparent
  from appointments a
  where a.org_id = p_org_id and a.appointment_id = p_appointment_id;
$$;
