-- runs as: system
-- Adds up scheduling's books over all tenants: a row for every equation, with how many rows break it
-- and the first hundred of them as 'table key: what is wrong'.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with equation (place, name) as (
    values
      (1, 'no two live claims of one seat overlap'),
      (2, 'each pending or confirmed appointment claims its time on each of its calendars'),
      (3, 'no claim outlives its appointment or hold'),
      (4, 'each live hold claims each of its calendars'),
      (5, 'each appointment has an audit row for every change, the last one as it stands'),
      (6, 'each change of an appointment is in the outbox'),
      (7, 'confirmed holds and promoted entries have their appointment'),
      (8, 'no row without a trace'),
      (9, 'no more live claims at a time than the capacity since it was set')
  ), ordered as (
    select k.claim_id, k.calendar_id, k.seat, k.during,
      lag(k.during) over (
        partition by k.org_id, k.calendar_id, k.seat order by k.during) as before
    from claims k
    where k.status in ('held', 'booked') and k.deleted_at is null
  ), overlapping as (
    select 1 as place, format('claims %s: overlaps the one before on calendar %s seat %s',
      o.claim_id, o.calendar_id, o.seat) as violation
    from ordered o
    where o.during && o.before
  ), unclaimed as (
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
  ), outliving as (
    select 3, format('claims %s: %s although its appointment is %s, its hold %s', k.claim_id,
      k.status, coalesce(a.status, 'none'), coalesce(h.status, 'none'))
    from claims k
    left join appointments a using (org_id, appointment_id)
    left join holds h on h.org_id = k.org_id and h.hold_id = k.hold_id
    where (k.status = 'booked'
        and (a.appointment_id is null or a.status = 'cancelled' or a.deleted_at is not null))
      or (k.status = 'held' and h.status is distinct from 'live')
  ), unheld as (
    select 4, format('holds %s: %s claims of %s', h.hold_id, count(k.claim_id),
      cardinality(h.calendar_ids))
    from holds h
    left join claims k on k.org_id = h.org_id and k.hold_id = h.hold_id and k.status = 'held'
    where h.status = 'live'
    group by h.org_id, h.hold_id, h.calendar_ids
    having count(k.claim_id) <> cardinality(h.calendar_ids)
  ), unrecorded as (
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
  ), untold as (
    select 6, format('audit_logs %s: its change is not in the outbox', l.audit_id)
    from audit_logs l
    where l.subject_kind = 'appointment'
      and not exists (
        select from outbox o
        where o.org_id = l.org_id and o.topic = 'sync.appointment_events'
          and o.subject_id = l.audit_id)
  ), missing as (
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
  ), traces as (
    select 'appointments' as source_table, appointment_id as key, trace_id from appointments
    union all select 'claims', claim_id, trace_id from claims
    union all select 'holds', hold_id, trace_id from holds
    union all select 'waitlist_entries', entry_id, trace_id from waitlist_entries
    union all select 'audit_logs', audit_id, trace_id from audit_logs
  ), traceless as (
    select 8, format('%s %s: its trace is %s', source_table, key, coalesce(trace_id, 'null'))
    from traces
    where trace_id is null or trace_id = repeat('0', 32)
  ), crowded as (
    -- Within the capacity seats and their constraint see to it: these have claims beyond it.
    select c.org_id, c.calendar_id, c.capacity, c.capacity_since
    from calendars c
    where exists (
      select from claims k
      where k.org_id = c.org_id and k.calendar_id = c.calendar_id and k.seat > c.capacity
        and k.status in ('held', 'booked') and k.deleted_at is null)
  ), over_capacity as (
    select 9, format('claims %s: %s at a time on calendar %s with a capacity of %s', k.claim_id,
      count(*), k.calendar_id, c.capacity)
    from crowded c
    join claims k on k.org_id = c.org_id and k.calendar_id = c.calendar_id
    join claims o on o.org_id = k.org_id and o.calendar_id = k.calendar_id
      and o.during @> lower(k.during)
    where k.status in ('held', 'booked') and k.deleted_at is null
      and o.status in ('held', 'booked') and o.deleted_at is null
    group by k.org_id, k.claim_id, k.calendar_id, c.capacity, c.capacity_since
    having count(*) > c.capacity and max(o.created_at) > c.capacity_since
  ), violation as (
    select * from overlapping
    union all select * from unclaimed
    union all select * from outliving
    union all select * from unheld
    union all select * from unrecorded
    union all select * from untold
    union all select * from missing
    union all select * from traceless
    union all select * from over_capacity
  )
  select e.name, count(v.violation),
    coalesce((array_agg(v.violation order by v.violation)
      filter (where v.violation is not null))[1:100], '{}')
  from equation e
  left join violation v using (place)
  group by e.place, e.name
  order by e.place;
$$;
