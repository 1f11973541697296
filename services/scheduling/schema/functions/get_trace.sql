-- Every row of this schema that belongs to a trace, as bars of a waterfall, oldest first:
-- appointments with each change, claims, and waits (the life of a hold, the waitlist).
create or replace function get_trace(
  p_org_ids uuid[],
  p_workspace_id uuid,
  p_trace_id text
) returns table (
  source_table text,
  key uuid,
  attempt int,
  name text,
  started_at timestamptz,
  ended_at timestamptz,
  waiting boolean,
  outcome text,
  ids jsonb,
  details jsonb,
  attempt_trace_id text,
  linked_trace_ids text[]
)
language plpgsql
set search_path from current
as $$
begin
  -- Appointments do not belong to a workspace: a workspace's token sees none of them.
  perform set_tenant(case when p_workspace_id is null then p_org_ids else '{}' end, p_workspace_id);
  return query
  select bars.*
  from (
    select 'appointments'::text, a.appointment_id, 0, 'appointment'::text, a.created_at,
      a.updated_at, false, a.status,
      jsonb_strip_nulls(jsonb_build_object('appointment_id', a.appointment_id,
        'contact_id', a.contact_id, 'service_id', a.service_id, 'series_id', a.series_id)),
      jsonb_build_object('scheduled_at', a.scheduled_at, 'duration_minutes', a.duration_minutes,
        'local_time', a.local_time, 'zone', a.zone), null::text, '{}'::text[]
    from appointments a
    where a.trace_id = p_trace_id
    union all
    -- Every change of the trace's own appointments, whichever call made it, and the changes that
    -- calls of this trace made to other appointments.
    select 'audit_logs', l.audit_id, l.ordinal, l.subject_kind || ' ' || l.action, l.occurred_at,
      l.occurred_at, false, coalesce(l.after ->> 'status', l.action),
      jsonb_build_object(l.subject_kind || '_id', l.subject_id),
      jsonb_build_object('actor', l.actor, 'before', l.before, 'after', l.after),
      nullif(l.trace_id::text, p_trace_id),
      case when l.trace_id = p_trace_id then '{}'::text[] else array[l.trace_id::text] end
    from audit_logs l
    where l.trace_id = p_trace_id
      or (l.org_id, l.subject_kind, l.subject_id) in (
        select a.org_id, 'appointment', a.appointment_id
        from appointments a
        where a.trace_id = p_trace_id)
    union all
    select 'claims', k.claim_id, 0, 'claim on a calendar', k.created_at, k.ended_at, false, k.status,
      jsonb_strip_nulls(jsonb_build_object('claim_id', k.claim_id, 'calendar_id', k.calendar_id,
        'appointment_id', k.appointment_id, 'hold_id', k.hold_id)),
      jsonb_build_object('seat', k.seat, 'from', lower(k.during), 'to', upper(k.during)), null, '{}'
    from claims k
    where k.trace_id = p_trace_id
    union all
    select 'holds', h.hold_id, 0, 'slot held', h.created_at, h.ended_at, true,
      case h.status when 'live' then 'pending' else h.status end,
      jsonb_build_object('hold_id', h.hold_id, 'contact_id', h.contact_id),
      jsonb_build_object('expires_at', h.expires_at), null, '{}'
    from holds h
    where h.trace_id = p_trace_id
    union all
    select 'waitlist_entries', w.entry_id, 0, 'on the waitlist', w.created_at, w.ended_at, true,
      case w.status when 'waiting' then 'pending' else w.status end,
      jsonb_build_object('entry_id', w.entry_id, 'contact_id', w.contact_id),
      jsonb_build_object('earliest', w.earliest, 'latest', w.latest), null, '{}'
    from waitlist_entries w
    where w.trace_id = p_trace_id
    union all
    select 'series', s.series_id, 0, 'series created', s.created_at, s.created_at, false, 'created',
      jsonb_build_object('series_id', s.series_id, 'contact_id', s.contact_id),
      jsonb_build_object('rule', s.rule, 'zone', s.zone), null, '{}'
    from series s
    where s.trace_id = p_trace_id
    union all
    select 'calendars', c.calendar_id, 0, 'calendar created', c.created_at, c.created_at, false,
      c.status, jsonb_build_object('calendar_id', c.calendar_id), '{}', null, '{}'
    from calendars c
    where c.trace_id = p_trace_id
    union all
    select 'imports', i.import_id, 0, 'import created', i.created_at, i.created_at, false,
      i.status, jsonb_build_object('import_id', i.import_id, 'calendar_id', i.calendar_id), '{}',
      null, '{}'
    from imports i
    where i.trace_id = p_trace_id
    union all
    select o.*
    from get_outbox_trace(p_trace_id) o
    union all
    select r.*
    from get_repeats_trace(p_trace_id) r
  ) bars
  order by 5, 7, 1, 3;
end;
$$;
