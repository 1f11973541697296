-- Totals that another service's must equal: routing hands as many offers over as were taken.
create or replace function book_totals()
returns table (name text, total bigint)
language sql
stable
security definer
set search_path from current
as $$
  select 'offers_taken_over', count(*) from lead_offers;
$$;
