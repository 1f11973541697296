-- Appointments whose claims, audit rows or events are not complete, by equation.
-- A step of verify_books, which runs as system: every row of every tenant.
create or replace function find_appointment_violations()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  select 2, format('appointments %s: %s claims of %s', a.appointment_id, count(k.claim_id),
    cardinality(a.calendar_ids))
  from appointments a
  left join claims k
    on k.org_id = a.org_id and k.appointment_id = a.appointment_id
    and k.status = 'booked' and k.deleted_at is null and k.calendar_id = any (a.calendar_ids)
    and k.during @> tstzrange(a.scheduled_at,
      a.scheduled_at + make_interval(mins => a.duration_minutes))
  where a.status in ('pending', 'confirmed') and a.deleted_at is null
  group by a.org_id, a.appointment_id, a.calendar_ids
  having count(k.claim_id) <> cardinality(a.calendar_ids)
  union all
  select 5, format('appointments %s: %s changes, %s audit rows, the last says %s',
    a.appointment_id, a.change_count, count(l.audit_id),
    coalesce(max(l.after ->> 'status') filter (where l.ordinal = a.change_count), 'nothing'))
  from appointments a
  left join audit_logs l
    on l.org_id = a.org_id and l.subject_kind = 'appointment'
    and l.subject_id = a.appointment_id
  group by a.org_id, a.appointment_id, a.change_count, a.status
  having count(l.audit_id) <> a.change_count
    or max(l.after ->> 'status') filter (where l.ordinal = a.change_count)
      is distinct from a.status
  union all
  select 6, format('audit_logs %s: its change is not in the outbox', l.audit_id)
  from audit_logs l
  where l.subject_kind = 'appointment'
    and not exists (
      select from outbox o
      where o.org_id = l.org_id and o.topic = 'sync.appointment_events'
        and o.subject_id = l.audit_id);
$$;
