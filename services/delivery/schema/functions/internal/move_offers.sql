-- Moves offers from one state to another and records an event of each step, with its actor; an
-- offer in another state stays there. The trigger refuses a step that is not allowed.
-- For use by other functions, which have set the tenant, and have made the offers or locked them
-- or their deliveries. Raises WB061 TRANSITION_REFUSED.
create or replace function move_offers(
  p_org_ids uuid[],
  p_offer_ids uuid[],
  p_from_status text,
  p_to_status text,
  p_actors text[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  with moved as (
    update lead_offers o
    set status = p_to_status,
        step_count = o.step_count + 1,
        updated_at = p_now
    from unnest(p_org_ids, p_offer_ids, p_actors) as n (org_id, offer_id, actor)
    where o.org_id = n.org_id and o.offer_id = n.offer_id and o.status = p_from_status
    returning o.org_id, o.offer_id, o.step_count, o.workspace_id, o.trace_id, n.actor
  )
  insert into lead_events
    (org_id, offer_id, ordinal, workspace_id, from_status, to_status, actor, occurred_at, trace_id)
  select org_id, offer_id, step_count, workspace_id, p_from_status, p_to_status, actor, p_now,
    trace_id
  from moved;
end;
$$;
