-- runs as: system
-- The consistency check over all tenants: a row for each equation, with how many rows break it and the
-- first hundred of them.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with broken as (
    select * from find_webhook_violations()
    union all
    select * from find_lead_violations()
  )
  select e.equation, count(b.violation), coalesce(
    (array_agg(b.violation order by b.violation) filter (where b.violation is not null))[1:100],
    '{}')
  from unnest(array[
    'received = pending + stored + duplicate + ignored + dead',
    'each log row counts its items',
    'each stored lead item made its lead',
    'each provider lead is one lead',
    'each lead is handed to routing',
    'no lead without a trace',
    'no handoff was refused',
    'no open item without a worker',
    'each duplicate item names what it repeats',
    'each stored message item has its message',
    'messages and leads have their conversation'
  ]) with ordinality as e (equation, position)
  left join broken b using (equation)
  group by e.equation, e.position
  order by e.position;
$$;
