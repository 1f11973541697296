-- Deliveries and attempts that break an equation of verify_books, named by its place there.
-- For use by verify_books, which runs as the system role.
create or replace function verify_attempts()
returns table (place int, violation text)
language sql
stable
set search_path from current
as $$
  select 8, format('attempts %s: no credit was held for its delivery', t.attempt_id)
  from attempts t
  where not exists (
    select from credit_holds h
    where h.org_id = t.org_id and h.hold_id = t.hold_id and h.delivery_id = t.delivery_id
      and h.created_at <= t.started_at)
  union all
  select 11, format('deliveries %s: %s, %s of its %s endpoints accepted it', d.delivery_id,
    d.status, count(p.endpoint_id) filter (where p.status = 'accepted'), count(p.endpoint_id))
  from deliveries d
  left join delivery_endpoints p using (org_id, delivery_id)
  where d.status in ('DELIVERED', 'PARTIAL')
    and not exists (
      select from lead_events e
      where e.org_id = d.org_id and e.offer_id = d.offer_id
        and e.to_status = 'SENT_TO_DEVELOPER' and e.actor = 'operator')
  group by d.org_id, d.delivery_id, d.status
  having count(p.endpoint_id) filter (where p.status = 'accepted') = 0
    or (d.status = 'DELIVERED' and count(*) filter (where p.status <> 'accepted') > 0)
  union all
  select 12, format('delivery_endpoints %s of delivery %s: %s after %s tries, %s attempts, %s'
    || ' accepted', p.endpoint_id, p.delivery_id, p.status, p.attempt_count,
    count(t.attempt_id), count(t.attempt_id) filter (where t.outcome = 'accepted'))
  from delivery_endpoints p
  left join attempts t using (org_id, delivery_id, endpoint_id)
  group by p.org_id, p.delivery_id, p.endpoint_id, p.status, p.attempt_count
  having count(t.attempt_id) <> p.attempt_count
    or (p.status = 'accepted')
      <> (count(t.attempt_id) filter (where t.outcome = 'accepted') > 0);
$$;
