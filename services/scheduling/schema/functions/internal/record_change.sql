-- Writes a change into the audit trail and, where it is an appointment's, into the outbox for the
-- contact's timeline. p_before and p_after hold nothing personal.
-- The caller has set the tenant.
create or replace function record_change(
  p_org_id uuid,
  p_subject_kind text,
  p_subject_id uuid,
  p_action text,
  p_actor text,
  p_before jsonb,
  p_after jsonb,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_audit_id constant uuid := gen_random_uuid();
begin
  insert into audit_logs
    (org_id, audit_id, subject_kind, subject_id, ordinal, action, actor, before, after,
      occurred_at, trace_id, traceparent)
  select p_org_id, v_audit_id, p_subject_kind, p_subject_id,
    coalesce(max(l.ordinal), 0) + 1, p_action, p_actor, p_before, p_after, p_now,
    substr(p_traceparent, 4, 32), p_traceparent
  from audit_logs l
  where l.org_id = p_org_id and l.subject_kind = p_subject_kind and l.subject_id = p_subject_id;
  if p_subject_kind = 'appointment' then
    perform enqueue_appointment_event(p_org_id, v_audit_id, p_subject_id, p_action, p_after,
      p_traceparent, p_now);
  end if;
end;
$$;
