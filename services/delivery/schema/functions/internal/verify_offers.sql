-- Offers that break an equation of verify_books, named by its place there.
-- For use by verify_books, which runs as the system role.
create or replace function verify_offers()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  select 1 as place, format('lead_offers %s: %s deliveries at %s', o.offer_id,
    count(d.delivery_id), o.status) as violation
  from lead_offers o
  left join deliveries d using (org_id, offer_id)
  where o.status in ('LEAD_READY', 'SENT_TO_DEVELOPER')
  group by o.org_id, o.offer_id, o.status
  having count(d.delivery_id) <> 1
  union all
  select 2, format('lead_offers %s: %s, its delivery %s', o.offer_id, o.status, d.status)
  from lead_offers o
  join deliveries d using (org_id, offer_id)
  where case d.status in ('DELIVERED', 'PARTIAL')
    when true then o.status not in ('SENT_TO_DEVELOPER', 'STOPPED')
    else o.status = 'SENT_TO_DEVELOPER' end
  union all
  select 9, format('lead_offers %s: %s steps, %s events, the last to %s, at %s', o.offer_id,
    o.step_count, count(e.ordinal) - 1, max(e.to_status) filter (where e.ordinal = o.step_count),
    o.status)
  from lead_offers o
  left join lead_events e using (org_id, offer_id)
  group by o.org_id, o.offer_id, o.step_count, o.status
  having count(e.ordinal) - 1 <> o.step_count
    or max(e.to_status) filter (where e.ordinal = o.step_count) is distinct from o.status
  union all
  select 13, format('deliveries %s: of lead %s and workspace %s, its offer of %s and %s',
    d.delivery_id, d.lead_id, d.workspace_id, o.lead_id, o.workspace_id)
  from deliveries d
  join lead_offers o using (org_id, offer_id)
  where (d.lead_id, d.workspace_id) is distinct from (o.lead_id, o.workspace_id)
  union all
  select 13, format('lead_events %s number %s: of workspace %s, its offer of %s', e.offer_id,
    e.ordinal, e.workspace_id, o.workspace_id)
  from lead_events e
  left join lead_offers o using (org_id, offer_id)
  where e.workspace_id is distinct from o.workspace_id
  union all
  select 13, format('credit_holds %s: of workspace %s, its delivery of %s', h.hold_id,
    h.workspace_id, d.workspace_id)
  from credit_holds h
  left join deliveries d using (org_id, delivery_id)
  where h.workspace_id is distinct from d.workspace_id
  union all
  select 13, format('credit_transactions %s: of workspace %s, its delivery of %s',
    t.transaction_id, t.workspace_id, d.workspace_id)
  from credit_transactions t
  left join deliveries d using (org_id, delivery_id)
  where t.delivery_id is not null and t.workspace_id is distinct from d.workspace_id
  union all
  select 15, format('lead_offers %s: its event is not in the outbox', o.offer_id)
  from lead_offers o
  where not exists (
    select from outbox b
    where b.org_id = o.org_id and b.topic = 'sync.delivery_events'
      and b.subject_id = o.offer_id)
  union all
  select 15, format('deliveries %s: its event is not in the outbox, it is %s', d.delivery_id,
    d.status)
  from deliveries d
  where d.status in ('DELIVERED', 'PARTIAL', 'FAILED', 'DEAD_LETTER')
    and not exists (
      select from outbox b
      where b.org_id = d.org_id and b.topic = 'sync.delivery_events'
        and b.payload ->> 'subject_id' = d.delivery_id::text
        and b.payload ->> 'type' = 'delivery_' || lower(d.status));
$$;
