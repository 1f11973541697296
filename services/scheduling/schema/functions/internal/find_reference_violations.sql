-- Holds and waitlist entries without their appointment, and rows without a trace, by equation.
-- A step of verify_books, which runs as system: every row of every tenant.
create or replace function find_reference_violations()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  with traces as (
    select 'appointments' as source_table, appointment_id as key, trace_id from appointments
    union all select 'claims', claim_id, trace_id from claims
    union all select 'holds', hold_id, trace_id from holds
    union all select 'waitlist_entries', entry_id, trace_id from waitlist_entries
    union all select 'audit_logs', audit_id, trace_id from audit_logs
  )
  select 7, format('holds %s: its appointment is not there', h.hold_id)
  from holds h
  where h.status = 'confirmed'
    and not exists (
      select from appointments a
      where a.org_id = h.org_id and a.appointment_id = h.appointment_id)
  union all
  select 7, format('waitlist_entries %s: its appointment is not there', w.entry_id)
  from waitlist_entries w
  where w.status = 'promoted'
    and not exists (
      select from appointments a
      where a.org_id = w.org_id and a.appointment_id = w.appointment_id)
  union all
  select 8, format('%s %s: its trace is %s', source_table, key, coalesce(trace_id, 'null'))
  from traces
  where trace_id is null or trace_id = repeat('0', 32);
$$;
