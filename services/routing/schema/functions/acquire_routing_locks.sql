-- Claims leads to route over all tenants: new ones, failed ones whose retry is due, and ones whose
-- holder let its lease run out, oldest due first. p_token fences what is done with them until
-- p_now + p_lease_seconds. Leads due before p_due_from are left to a claim without it.
-- While more is due than one claim takes, half of a claim is shared out among the tenants that have
-- due leads, the oldest of each, so that one tenant's backlog keeps no other's leads waiting.
-- A retry leaves lead_routing_queue here; a lease that ran out costs no attempt, but is counted
-- (interruptions).
create or replace function acquire_routing_locks(
  p_worker text,
  p_token uuid,
  p_limit int,
  p_lease_seconds double precision,
  p_due_from timestamptz default null,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  lead_id uuid,
  source_id uuid,
  attempt int,
  interruptions int,
  phone text,
  email text,
  facts jsonb,
  received_at timestamptz,
  enqueued_at timestamptz,
  was_due_at timestamptz,
  locked_at timestamptz,
  traceparent text,
  tracestate text,
  previous_traceparent text
)
language sql
security definer
set search_path from current
as $$
  with recursive lane as materialized (
    select case when count(*) > p_limit then p_limit / 2 else 0 end as shared_limit
    from (
      select
      from leads l
      where l.due_at <= p_now
        and l.due_at >= coalesce(p_due_from, '-infinity')
        and l.lead_expires_at > p_now
      order by l.due_at
      limit p_limit + 1
    ) first
  ), tenant as (
    -- One look-up in the index for each tenant, however many leads it has.
    select (select l.org_id from leads l where l.due_at is not null order by l.org_id limit 1)
      as org_id
    from lane
    where lane.shared_limit > 0
    union all
    select (select l.org_id from leads l
      where l.due_at is not null and l.org_id > t.org_id
      order by l.org_id limit 1)
    from tenant t
    where t.org_id is not null
  ), chosen as materialized (
    select t.org_id, (select shared_limit from lane) / count(*) over () as share
    from (
      select t.org_id
      from tenant t
      where t.org_id is not null
      -- Where there are too many for one claim, the next has others.
      order by random()
      limit (select shared_limit from lane)
    ) t
  ), shared as materialized (
    select l.*
    from chosen c
    cross join lateral (
      select l.org_id, l.lead_id, l.due_at
      from leads l
      where l.org_id = c.org_id
        and l.due_at <= p_now
        and l.due_at >= coalesce(p_due_from, '-infinity')
        and l.lead_expires_at > p_now
      order by l.due_at
      limit c.share
      for update skip locked
    ) l
  ), oldest as materialized (
    select l.org_id, l.lead_id, l.due_at
    from leads l
    where l.due_at <= p_now
      and l.due_at >= coalesce(p_due_from, '-infinity')
      and l.lead_expires_at > p_now
    order by l.due_at
    limit p_limit
    for update skip locked
  ), due as materialized (
    select d.org_id, d.lead_id, d.due_at
    from (
      select s.*, 1 as place from shared s
      union all
      select o.*, 2
      from oldest o
      where (o.org_id, o.lead_id) not in (select s.org_id, s.lead_id from shared s)
    ) d
    order by d.place, d.due_at
    limit p_limit
  ), unqueued as (
    delete from lead_routing_queue q
    using due
    where q.org_id = due.org_id and q.lead_id = due.lead_id
  ), claimed as (
    update leads l
    set routing_status = 'routing',
        routing_attempts = l.routing_attempts + (l.routing_status <> 'routing')::int,
        routing_interruption_count =
          l.routing_interruption_count + (l.routing_status = 'routing')::int,
        routing_locked_by = p_worker,
        routing_locked_at = p_now,
        routing_lock_token = p_token,
        routing_lock_expires_at = p_now + make_interval(secs => p_lease_seconds),
        due_at = p_now + make_interval(secs => p_lease_seconds)
    from due
    where l.org_id = due.org_id and l.lead_id = due.lead_id
    returning l.*, due.due_at as was_due_at
  )
  select c.org_id, c.lead_id, c.source_id, c.routing_attempts, c.routing_interruption_count,
    c.phone, c.email, c.facts, c.received_at, c.enqueued_at, c.was_due_at, c.routing_locked_at,
    c.traceparent, c.tracestate, c.routing_attempt_traceparent
  from claimed c
  order by c.was_due_at;
$$;
