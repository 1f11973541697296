-- runs as: system
-- Totals over all tenants that must equal another service's.
create or replace function book_totals()
returns table (name text, total bigint)
language sql
stable
security definer
set search_path from current
as $$
  select 'leads_handed_over', count(*) from outbox
  where topic = 'routing.enqueue_leads' and status = 'sent'
  union all
  select 'events_handed_over', count(*) from outbox
  where topic = 'sync.record_events' and status = 'sent';
$$;
