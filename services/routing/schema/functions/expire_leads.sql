-- runs as: system
-- Expires undecided leads of all tenants whose 90 days are over, at most p_limit a tick; a lead under a
-- worker's lease is left until the lease ends. Their retries leave the queue.
-- Returns how many, or null when another process ran this tick.
create or replace function expire_leads(
  p_limit int,
  p_every_seconds double precision,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
security definer
set search_path from current
as $$
declare
  v_expired int;
begin
  if not begin_tick('expire_leads', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  with over as materialized (
    select l.org_id, l.lead_id
    from leads l
    where l.due_at is not null
      and l.lead_expires_at <= p_now
      and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now) -- fence: lease
    order by l.lead_expires_at
    limit p_limit
    for update skip locked
  ), unqueued as (
    delete from lead_routing_queue q
    using over
    where q.org_id = over.org_id and q.lead_id = over.lead_id
  )
  update leads l
  set routing_status = 'expired',
      routing_locked_by = null,
      routing_locked_at = null,
      routing_lock_token = null,
      routing_lock_expires_at = null,
      due_at = null,
      decided_at = p_now
  from over
  where l.org_id = over.org_id and l.lead_id = over.lead_id;
  get diagnostics v_expired = row_count;
  return v_expired;
end;
$$;
