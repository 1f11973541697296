-- runs as: system
-- Routing's totals over all tenants, which another service's totals must equal.
create or replace function book_totals()
returns table (name text, total bigint)
language sql
stable
security definer
set search_path from current
as $$
  select 'leads_taken_over', count(*) from leads
  union all
  select 'offers_handed_over', count(*)
  from outbox
  where topic = 'delivery.offer_leads' and status = 'sent';
$$;
