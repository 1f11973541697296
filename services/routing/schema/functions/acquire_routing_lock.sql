-- Claims one lead, as `acquire_routing_locks` claims many; no row where it is not due, is under
-- another worker's lease, is decided or expired, or does not exist.
create or replace function acquire_routing_lock(
  p_org_id uuid,
  p_lead_id uuid,
  p_worker text,
  p_token uuid,
  p_lease_seconds double precision,
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
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  with due as materialized (
    select l.org_id, l.lead_id
    from leads l
    where l.org_id = p_org_id
      and l.lead_id = p_lead_id
      and l.due_at <= p_now
      and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now) -- fence: lease
      and l.lead_expires_at > p_now
    for update skip locked
  ), unqueued as (
    delete from lead_routing_queue q
    using due
    where q.org_id = due.org_id and q.lead_id = due.lead_id
  )
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
  join lead_facts f using (org_id, lead_id)
  where l.org_id = due.org_id and l.lead_id = due.lead_id
  returning l.org_id, l.lead_id, f.source_id, l.routing_attempts,
    l.routing_interruption_count, f.phone, f.email, f.facts, f.received_at, l.enqueued_at,
    l.due_at, l.routing_locked_at, l.traceparent::text, l.tracestate,
    l.routing_attempt_traceparent::text;
end;
$$;
