-- runs as: system
-- Totals over all tenants that another service's must equal.
-- tested by: test_verify_books.py
create or replace function book_totals()
returns table (name text, total bigint)
language sql
stable
security definer
set search_path from current
as $$
  select 'events_taken_over_from_' || t.teller, count(e.event_id)
  from (values ('ingest'), ('scheduling'), ('delivery')) as t (teller)
  left join told_events e using (teller)
  group by t.teller;
$$;
