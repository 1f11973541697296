-- Rows without a trace, or with another one than the row that they belong to; the place is that of
-- the equation in verify_books.
-- For use by verify_books, which runs as the system role.
create or replace function verify_traces()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  with traces as (
    select 'lead_offers' as source_table, offer_id as key, trace_id from lead_offers
    union all select 'lead_events', offer_id, trace_id from lead_events
    union all select 'deliveries', delivery_id, trace_id from deliveries
    union all select 'delivery_waits', wait_id, trace_id from delivery_waits
    union all select 'attempts', attempt_id, trace_id from attempts
    union all select 'credit_holds', hold_id, trace_id from credit_holds
    union all select 'credit_transactions', transaction_id, trace_id from credit_transactions
  )
  select 10, format('%s %s: its trace is %s', source_table, key, coalesce(trace_id, 'null'))
  from traces
  where trace_id is null or trace_id = repeat('0', 32)
  union all
  select 10, format('deliveries %s: its trace is not its offer''s', d.delivery_id)
  from deliveries d
  join lead_offers o using (org_id, offer_id)
  where d.trace_id <> o.trace_id
  union all
  select 10, format('lead_events %s number %s: its trace is not its offer''s', e.offer_id,
    e.ordinal)
  from lead_events e
  join lead_offers o using (org_id, offer_id)
  where e.trace_id <> o.trace_id
  union all
  select 10, format('%s %s: its trace is not its delivery''s', c.source_table, c.key)
  from (
    select 'attempts' as source_table, attempt_id as key, org_id, delivery_id, trace_id
    from attempts
    union all
    select 'credit_holds', hold_id, org_id, delivery_id, trace_id from credit_holds
    union all
    select 'credit_transactions', transaction_id, org_id, delivery_id, trace_id
    from credit_transactions
  ) c
  join deliveries d using (org_id, delivery_id)
  where c.trace_id <> d.trace_id;
$$;
