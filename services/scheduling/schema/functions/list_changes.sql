-- A page of the audit trail of an appointment, oldest first, after p_after (null: from the first).
create or replace function list_changes(
  p_org_id uuid,
  p_appointment_id uuid,
  p_limit int,
  p_after int default null
) returns table (
  ordinal int,
  action text,
  actor text,
  before jsonb,
  after jsonb,
  occurred_at timestamptz,
  trace_id text
)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id]);
  return query
  select l.ordinal, l.action, l.actor, l.before, l.after, l.occurred_at, l.trace_id::text
  from audit_logs l
  where l.org_id = p_org_id and l.subject_kind = 'appointment' and l.subject_id = p_appointment_id
    and (p_after is null or l.ordinal > p_after)
  order by l.ordinal
  limit p_limit;
end;
$$;
