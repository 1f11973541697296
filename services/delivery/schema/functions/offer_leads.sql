-- Accepts offers from routing, in one transaction.
--   - A lead that the workspace was offered before is a repeat: its first offer's id is returned
--     with created false, and the repeat is noted in that offer's trace.
--   - Where the policy is 'direct' the offer goes step by step to LEAD_READY, each step an event,
--     and gets its delivery; where it is 'manual' it stays PENDING_MAPPING.
--   - Each new offer is handed over to sync's timeline by the outbox.
create or replace function offer_leads(
  p_org_ids uuid[],
  p_offer_ids uuid[],
  p_delivery_ids uuid[],
  p_lead_ids uuid[],
  p_workspace_ids uuid[],
  p_offer_policies text[],
  p_payloads json[],
  p_traceparents text[],
  p_tracestates text[],
  p_now timestamptz default now()
) returns table (org_id uuid, lead_id uuid, workspace_id uuid, offer_id uuid, created boolean)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  c_direct_steps constant text[] :=
    array['PENDING_MAPPING', 'TO_BE_CONTACTED', 'CONTACTED', 'ENGAGED', 'QUALIFYING', 'LEAD_READY'];
  v_new_ids uuid[];
  v_direct_org_ids uuid[];
  v_direct_ids uuid[];
  v_actors text[];
begin
  perform set_tenant(p_org_ids);
  perform save_workspaces(p_org_ids, p_workspace_ids, p_offer_policies, p_traceparents, p_now);

  with created as (
    insert into lead_offers (org_id, offer_id, lead_id, workspace_id, status, payload, created_at,
      updated_at, trace_id, traceparent, tracestate)
    select n.org_id, n.offer_id, n.lead_id, n.workspace_id, 'PENDING_MAPPING', n.payload, p_now,
      p_now, substr(n.traceparent, 4, 32), n.traceparent, n.tracestate
    from unnest(p_org_ids, p_offer_ids, p_lead_ids, p_workspace_ids, p_payloads, p_traceparents,
        p_tracestates)
      as n (org_id, offer_id, lead_id, workspace_id, payload, traceparent, tracestate)
    order by n.org_id, n.lead_id, n.workspace_id
    on conflict do nothing
    returning org_id, offer_id, workspace_id, trace_id
  ), events as (
    insert into lead_events (org_id, offer_id, ordinal, workspace_id, to_status, actor,
      occurred_at, trace_id)
    select c.org_id, c.offer_id, 0, c.workspace_id, 'PENDING_MAPPING', 'routing', p_now, c.trace_id
    from created c
  )
  select
    array_agg(c.offer_id),
    array_agg(c.org_id) filter (where n.offer_policy = 'direct'),
    array_agg(c.offer_id) filter (where n.offer_policy = 'direct'),
    array_agg('policy:direct'::text) filter (where n.offer_policy = 'direct')
  into v_new_ids, v_direct_org_ids, v_direct_ids, v_actors
  from created c
  join unnest(p_org_ids, p_offer_ids, p_offer_policies) as n (org_id, offer_id, offer_policy)
    using (org_id, offer_id);

  if v_direct_ids is not null then
    for v_step in 2..cardinality(c_direct_steps) loop
      perform move_offers(v_direct_org_ids, v_direct_ids, c_direct_steps[v_step - 1],
        c_direct_steps[v_step], v_actors, p_now);
    end loop;
    perform create_deliveries(v_direct_org_ids, v_direct_ids, array(
      select n.delivery_id
      from unnest(v_direct_ids) with ordinality as d (offer_id, place)
      join unnest(p_offer_ids, p_delivery_ids) as n (offer_id, delivery_id) using (offer_id)
      order by d.place), p_now);
  end if;

  perform enqueue_offer_events(p_org_ids, p_offer_ids, p_now);

  if coalesce(cardinality(v_new_ids), 0) < cardinality(p_offer_ids) then
    perform note_repeats('offer_leads', array_agg(o.org_id), array_agg(o.offer_id::text),
      array_agg(o.trace_id::text), array_agg(substr(n.traceparent, 4, 32)), p_now)
    from unnest(p_org_ids, p_lead_ids, p_workspace_ids, p_traceparents)
      as n (org_id, lead_id, workspace_id, traceparent)
    cross join lateral (
      select o.*
      from lead_offers o
      where o.org_id = n.org_id and o.lead_id = n.lead_id
      offset 0
    ) o
    where o.workspace_id = n.workspace_id
      and o.offer_id <> all (coalesce(v_new_ids, '{}')); -- fence: new offers
  end if;

  return query
  select n.org_id, n.lead_id, n.workspace_id, o.offer_id,
    coalesce(o.offer_id = any (v_new_ids), false)
  from unnest(p_org_ids, p_lead_ids, p_workspace_ids) as n (org_id, lead_id, workspace_id)
  -- A lead has few offers, a workspace many: `offset 0` keeps the workspace's index out of it.
  cross join lateral (
    select o.offer_id, o.workspace_id
    from lead_offers o
    where o.org_id = n.org_id and o.lead_id = n.lead_id
    offset 0
  ) o
  where o.workspace_id = n.workspace_id;
end;
$$;
