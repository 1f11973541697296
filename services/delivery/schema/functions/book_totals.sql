-- runs as: system
-- Totals that another service's must equal: routing hands over as many offers as are accepted
-- here, and sync records as many events as are sent from here.
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
