-- runs as: system
-- The consistency check of delivery over all tenants, the books of its credits included. Returns a
-- row for every equation, with how many rows break it and the first hundred of them, as
-- 'table key: what is wrong'.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with equation (place, name) as (
    values
      (1, 'one delivery per offer at LEAD_READY or SENT_TO_DEVELOPER'),
      (2, 'sent offers have a completed delivery'),
      (3, 'one consumption per delivered delivery'),
      (4, 'ledger transactions add up to zero'),
      (5, 'balances equal the sum of their entries'),
      (6, 'no negative balance'),
      (7, 'held equals live holds'),
      (8, 'each attempt belongs to a credit held for its delivery'),
      (9, 'each offer has an event for every step'),
      (10, 'no row without a trace'),
      (11, 'each completed delivery was accepted, or completed by hand'),
      (12, 'each try at an endpoint has its attempt'),
      (13, 'each delivery, event and charge is of its offer''s lead and workspace'),
      (14, 'each ledger entry has its transaction'),
      (15, 'each offer and each ended delivery is in the outbox for the timeline')
  ), violation as (
    select * from verify_offers()
    union all select * from verify_attempts()
    union all select * from verify_credits()
    union all select * from verify_traces()
  )
  select e.name, count(v.violation),
    coalesce((array_agg(v.violation order by v.violation)
      filter (where v.violation is not null))[1:100], '{}')
  from equation e
  left join violation v using (place)
  group by e.place, e.name
  order by e.place;
$$;
