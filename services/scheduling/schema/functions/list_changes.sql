-- Every change of an appointment, oldest first: its audit trail.
create or replace function list_changes(p_org_id uuid, p_appointment_id uuid)
returns table (
  action text,
  actor text,
  before jsonb,
  after jsonb,
  occurred_at timestamptz,
  trace_id text
)
language plpgsql
set search_path from current
as $$
begin
  perform enter(array[p_org_id]);
  return query
  select l.action, l.actor, l.before, l.after, l.occurred_at, l.trace_id::text
  from audit_logs l
  where l.org_id = p_org_id and l.subject_kind = 'appointment' and l.subject_id = p_appointment_id
  order by l.ordinal;
end;
$$;
