-- runs as: system
-- Routing's consistency check over all tenants: one row for each equation, with the first hundred
-- rows that break it.
create or replace function verify_books()
returns table (equation text, violation_count bigint, violations text[])
language sql
stable
security definer
set search_path from current
as $$
  with violation (equation, violation) as (
    select 1, format('leads %s: it is %s, but its other columns are not those of any state',
      l.lead_id, l.routing_status)
    from leads l
    left join lead_routing_queue q using (org_id, lead_id)
    where not coalesce(case l.routing_status
      when 'pending' then
        l.due_at is not null and l.routing_lock_token is null and q.lead_id is null
      when 'routing' then
        l.due_at is not null and l.routing_lock_token is not null and q.lead_id is null
      when 'routed' then
        l.due_at is null and l.workspace_id is not null and q.lead_id is null
      when 'failed' then
        l.workspace_id is null and l.due_at is not distinct from q.next_retry_at
      when 'expired' then
        l.due_at is null and l.workspace_id is null and q.lead_id is null
      end, false)
    union all
    select 2, format('leads %s: it is routed, but has no offer in the outbox', l.lead_id)
    from leads l
    where l.routing_status = 'routed' and not exists (
      select from outbox o
      where o.org_id = l.org_id and o.topic = 'delivery.offer_leads' and o.subject_id = l.lead_id)
    union all
    select 2, format('leads %s: its workspace %s does not exist', l.lead_id, l.workspace_id)
    from leads l
    where l.workspace_id is not null and not exists (
      select from workspaces w where w.org_id = l.org_id and w.workspace_id = l.workspace_id)
    union all
    select 2, format('outbox %s: it offers lead %s, which is not routed', o.outbox_id, o.subject_id)
    from outbox o
    where o.topic = 'delivery.offer_leads' and not exists (
      select from leads l
      where l.org_id = o.org_id and l.lead_id = o.subject_id and l.routing_status = 'routed')
    union all
    select 3, format('leads %s: its trace is malformed or not that of its traceparent', l.lead_id)
    from leads l
    where coalesce(l.trace_id, '') !~ '^[0-9a-f]{32}$'
      or l.trace_id = repeat('0', 32)
      or l.trace_id is distinct from substr(l.traceparent, 4, 32)
    union all
    select 3, format('lead_facts %s: its trace is not that of its lead', lead_id)
    from lead_facts f
    full join leads l using (org_id, lead_id)
    where f.trace_id is distinct from l.trace_id
    union all
    select 3, format('lead_routing_logs %s: its trace is not that of its lead', g.lead_id)
    from lead_routing_logs g
    left join leads l using (org_id, lead_id)
    where g.trace_id is distinct from l.trace_id
    union all
    select 3, format('lead_dedupe_hashes of lead %s: its trace is not that of its lead', h.lead_id)
    from lead_dedupe_hashes h
    left join leads l using (org_id, lead_id)
    where h.trace_id is distinct from l.trace_id
    union all
    select 3, format('outbox %s: its trace is not that of its lead', o.outbox_id)
    from outbox o
    join leads l on l.org_id = o.org_id and l.lead_id = o.subject_id
    where o.topic = 'delivery.offer_leads'
      and (o.trace_id is distinct from l.trace_id
        or o.trace_id is distinct from substr(o.traceparent, 4, 32))
    union all
    select 4, format('leads %s: it is routed, but holds %s of its %s dedupe hashes', l.lead_id,
      count(h.hash), l.dedupe_hash_count)
    from leads l
    left join lead_dedupe_hashes h using (org_id, lead_id)
    where l.routing_status = 'routed' and l.dedupe_until > now()
    group by l.org_id, l.lead_id
    having count(h.hash) <> l.dedupe_hash_count
    union all
    select 5, format('leads %s: it is %s after attempt %s, but no decision says so', l.lead_id,
      l.routing_status, l.routing_attempts)
    from leads l
    where l.routing_status in ('routed', 'failed') and not exists (
      select from lead_routing_logs g
      where g.org_id = l.org_id
        and g.lead_id = l.lead_id
        and g.attempt = l.routing_attempts
        and (g.outcome = 'routed') = (l.routing_status = 'routed')
        and (l.workspace_id is null or g.workspace_id = l.workspace_id))
  ), equation (number, name) as (
    values
      (1, 'leads: enqueued = pending + routing + routed + failed + expired'),
      (2, 'each routed lead has one offer in the outbox'),
      (3, 'no lead without a trace'),
      (4, 'each routed lead holds its dedupe hashes'),
      (5, 'each decided lead has a decision')
  )
  select e.name, count(v.violation),
    coalesce((array_agg(v.violation order by v.violation)
      filter (where v.violation is not null))[1:100], '{}')
  from equation e
  left join violation v on v.equation = e.number
  group by e.number, e.name
  order by e.number;
$$;
