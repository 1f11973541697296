-- runs as: system
-- Totals that another service's must equal: routing hands as many offers over as were taken, and
-- sync takes as many events as were sent.
create or replace function book_totals()
returns table (name text, total bigint)
language sql
stable
security definer
set search_path from current
as $$
  select 'offers_taken_over', count(*) from lead_offers
  union all
  select 'delivery_events_handed_over', count(*)
  from outbox
  where topic = 'sync.delivery_events' and status = 'sent';
$$;
