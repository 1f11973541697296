-- Live claims that overlap, outlive their owner, are missing or exceed the capacity, by equation.
-- A step of verify_books, which runs as system: every row of every tenant.
create or replace function find_claim_violations()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  with ordered as (
    select k.claim_id, k.calendar_id, k.seat, k.during,
      lag(k.during) over (
        partition by k.org_id, k.calendar_id, k.seat order by k.during) as before
    from claims k
    where k.status in ('held', 'booked') and k.deleted_at is null
  ), crowded as (
    -- Within the capacity the constraint on seats decides: these have claims beyond it.
    select c.org_id, c.calendar_id, c.capacity, c.capacity_since
    from calendars c
    where exists (
      select from claims k
      where k.org_id = c.org_id and k.calendar_id = c.calendar_id and k.seat > c.capacity
        and k.status in ('held', 'booked') and k.deleted_at is null)
  )
  select 1, format('claims %s: overlaps the one before on calendar %s seat %s',
    o.claim_id, o.calendar_id, o.seat)
  from ordered o
  where o.during && o.before
  union all
  select 3, format('claims %s: %s although its appointment is %s, its hold %s', k.claim_id,
    k.status, coalesce(a.status, 'none'), coalesce(h.status, 'none'))
  from claims k
  left join appointments a using (org_id, appointment_id)
  left join holds h on h.org_id = k.org_id and h.hold_id = k.hold_id
  where (k.status = 'booked'
      and (a.appointment_id is null or a.status = 'cancelled' or a.deleted_at is not null))
    or (k.status = 'held' and h.status is distinct from 'live')
  union all
  select 4, format('holds %s: %s claims of %s', h.hold_id, count(k.claim_id),
    cardinality(h.calendar_ids))
  from holds h
  left join claims k on k.org_id = h.org_id and k.hold_id = h.hold_id and k.status = 'held'
  where h.status = 'live'
  group by h.org_id, h.hold_id, h.calendar_ids
  having count(k.claim_id) <> cardinality(h.calendar_ids)
  union all
  select 9, format('claims %s: %s at a time on calendar %s with a capacity of %s', k.claim_id,
    count(*), k.calendar_id, c.capacity)
  from crowded c
  join claims k on k.org_id = c.org_id and k.calendar_id = c.calendar_id
  join claims o on o.org_id = k.org_id and o.calendar_id = k.calendar_id
    and o.during @> lower(k.during)
  where k.status in ('held', 'booked') and k.deleted_at is null
    and o.status in ('held', 'booked') and o.deleted_at is null
  group by k.org_id, k.claim_id, k.calendar_id, c.capacity, c.capacity_since
  having count(*) > c.capacity and max(o.created_at) > c.capacity_since;
$$;
