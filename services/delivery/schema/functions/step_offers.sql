-- Moves offers to one state and records the step of each; the trigger refuses what is no step.
-- For use by other functions, which have entered the orgs. Raises WB061 TRANSITION_REFUSED.
create or replace function step_offers(
  p_org_ids uuid[],
  p_offer_ids uuid[],
  p_to_status text,
  p_actor text,
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  with before as materialized (
    select o.*
    from (
      select distinct n.org_id, n.offer_id
      from unnest(p_org_ids, p_offer_ids) as n (org_id, offer_id)
      order by n.org_id, n.offer_id
    ) n
    -- One look-up by key an offer, whatever the statistics of a table that fills fast say.
    cross join lateral (
      select o.org_id, o.offer_id, o.status
      from lead_offers o
      where o.org_id = n.org_id and o.offer_id = n.offer_id
      limit 1
      for update
    ) o
  ), moved as (
    update lead_offers o
    set status = p_to_status,
        step_count = o.step_count + 1,
        updated_at = p_now
    from before
    where o.org_id = before.org_id and o.offer_id = before.offer_id
    returning o.org_id, o.offer_id, o.step_count, o.workspace_id, before.status as from_status,
      o.trace_id
  )
  insert into lead_events
    (org_id, offer_id, ordinal, workspace_id, from_status, to_status, actor, occurred_at, trace_id)
  select org_id, offer_id, step_count, workspace_id, from_status, p_to_status, p_actor, p_now,
    trace_id
  from moved;
$$;
