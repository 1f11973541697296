-- runs as: system
-- Claims leads to route over all tenants, as lock_due_leads chooses them: new ones, failed ones whose
-- retry is due, and ones whose holder let its lease run out.
--   - p_token fences what is done with them until p_now + p_lease_seconds;
--   - a retry leaves lead_routing_queue here;
--   - a lease that ran out costs no attempt, but is counted (interruptions);
--   - its commit does not wait for the disk: a claim of the last moment, which a crash of PostgreSQL
--     takes back, was not made. Its token fits no row, the leads are due, nothing is counted.
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
  select set_config('synchronous_commit', 'off', true);
  with due as materialized (
    select * from lock_due_leads(p_limit, p_due_from, p_now)
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
        routing_lock_expires_at = p_now + make_interval(secs => p_lease_seconds)
    from due
    where l.org_id = due.org_id and l.lead_id = due.lead_id
    returning l.*
  )
  select c.org_id, c.lead_id, f.source_id, c.routing_attempts, c.routing_interruption_count,
    f.phone, f.email, f.facts, f.received_at, c.enqueued_at, c.due_at, c.routing_locked_at,
    c.traceparent, c.tracestate, c.routing_attempt_traceparent
  from claimed c
  -- One look-up by key a lead, whatever the statistics of a table that fills fast say.
  cross join lateral (
    select f.*
    from lead_facts f
    where f.org_id = c.org_id and f.lead_id = c.lead_id
    limit 1
  ) f
  order by c.due_at;
$$;
