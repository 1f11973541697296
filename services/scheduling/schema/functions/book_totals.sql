-- runs as: system
-- Totals that must equal another service's: sync accepts as many appointment events as were sent.
create or replace function book_totals()
returns table (name text, total bigint)
language sql
stable
security definer
set search_path from current
as $$
  select 'appointment_events_handed_over', count(*)
  from outbox
  where topic = 'sync.appointment_events' and status = 'sent';
$$;
