-- runs as: system
-- The consistency check of scheduling, over all tenants: a row for every equation, with how many rows
-- break it and the first hundred of them as 'table key: what is wrong'.
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
  ), violation as (
    select * from find_claim_violations()
    union all select * from find_appointment_violations()
    union all select * from find_reference_violations()
  )
  select e.name, count(v.violation),
    coalesce((array_agg(v.violation order by v.violation)
      filter (where v.violation is not null))[1:100], '{}')
  from equation e
  left join violation v using (place)
  group by e.place, e.name
  order by e.place;
$$;
