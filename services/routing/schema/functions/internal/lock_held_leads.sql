-- Locks those of the leads that p_token still holds, for the transaction that ends the claim on them;
-- the caller has set the tenant. Every caller locks leads in the same order, so that two batches
-- cannot wait for each other.
create or replace function lock_held_leads(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_token uuid,
  p_now timestamptz
) returns setof held_lead
language sql
set search_path from current
as $$
  select h.*
  from (
    select distinct i.org_id, i.lead_id
    from unnest(p_org_ids, p_lead_ids) as i (org_id, lead_id)
    order by i.org_id, i.lead_id
  ) i
  -- One look-up by key a lead, whatever the statistics of a table that fills fast say.
  cross join lateral (
    select l.org_id, l.lead_id, l.routing_attempts, l.routing_locked_by, l.routing_locked_at,
      l.trace_id, l.traceparent, l.tracestate
    from leads l
    where l.org_id = i.org_id
      and l.lead_id = i.lead_id
      and l.routing_lock_token = p_token -- fence: token
      and l.routing_lock_expires_at > p_now -- fence: lease
    limit 1
    for update
  ) h;
$$;
