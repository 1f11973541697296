-- Begins an attempt at each active endpoint that has not answered for good and is not throttled,
-- of every delivery that is claimed under p_token. Soon after p_due_ats the first one is part of
-- the lead's trace, as services/chassis/trace.py has it; any later one has a trace of its own.
-- For use by claim_deliveries, which runs as the system role (no caller has set the tenant) and
-- has locked deliveries and accounts.
create or replace function begin_attempts(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_due_ats timestamptz[],
  p_token uuid,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  insert into delivery_endpoints (org_id, delivery_id, endpoint_id, workspace_id, created_at,
    updated_at, trace_id)
  select d.org_id, d.delivery_id, e.endpoint_id, d.workspace_id, p_now, p_now, d.trace_id
  from deliveries d
  join unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
  join endpoints e on e.org_id = d.org_id and e.workspace_id = d.workspace_id
  where d.claim_token = p_token -- not a fence: our own claim
    and e.status = 'active'
  order by d.org_id, d.delivery_id, e.endpoint_id
  on conflict do nothing;

  with begun as (
    update delivery_endpoints p
    set attempt_count = p.attempt_count + 1,
        updated_at = p_now
    from deliveries d
    join unnest(p_org_ids, p_delivery_ids, p_due_ats) as n (org_id, delivery_id, due_at)
      using (org_id, delivery_id)
    join endpoints e on e.org_id = d.org_id and e.workspace_id = d.workspace_id
    where p.org_id = d.org_id and p.delivery_id = d.delivery_id and p.endpoint_id = e.endpoint_id
      and d.claim_token = p_token -- not a fence: our own claim
      and e.status = 'active' and p.status = 'pending'
      and coalesce(e.throttled_until <= p_now, true)
    returning p.org_id, p.delivery_id, p.endpoint_id, p.workspace_id, p.attempt_count, d.trace_id,
      p.attempt_count = 1 and p_now - n.due_at <= interval '60 seconds' as is_child
  )
  insert into attempts (org_id, attempt_id, delivery_id, endpoint_id, workspace_id, number,
    claim_token, hold_id, started_at, trace_id, attempt_traceparent)
  select b.org_id, gen_random_uuid(), b.delivery_id, b.endpoint_id, b.workspace_id,
    b.attempt_count, p_token, h.hold_id, p_now, b.trace_id,
    '00-' || case when b.is_child then b.trace_id::text
      else replace(gen_random_uuid()::text, '-', '') end
    || '-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 16) || '-00'
  from begun b
  join credit_holds h
    on h.org_id = b.org_id and h.delivery_id = b.delivery_id and h.status = 'live';
end;
$$;
