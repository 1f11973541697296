-- A trace's offers and their steps, as bars of a waterfall.
-- For use by get_trace, which has set the tenant.
create or replace function get_offer_trace(p_trace_id text) returns table (
  source_table text,
  key uuid,
  attempt int,
  name text,
  started_at timestamptz,
  ended_at timestamptz,
  waiting boolean,
  outcome text,
  ids jsonb,
  details jsonb,
  attempt_trace_id text,
  linked_trace_ids text[]
)
language sql
stable
set search_path from current
as $$
  with offer as materialized (
    select o.*
    from lead_offers o
    where o.trace_id = p_trace_id
  ), event as materialized (
    select e.*
    from offer o
    cross join lateral (
      select e.*
      from lead_events e
      where e.org_id = o.org_id and e.offer_id = o.offer_id
      offset 0
    ) e
  )
  select 'lead_offers'::text, o.offer_id, 0, 'offer taken over'::text, o.created_at,
    o.created_at, false, o.status,
    jsonb_build_object('offer_id', o.offer_id, 'lead_id', o.lead_id,
      'workspace_id', o.workspace_id),
    '{}'::jsonb, null::text, '{}'::text[]
  from offer o
  union all
  select 'lead_events', e.offer_id, e.ordinal, 'offer to ' || e.to_status, e.occurred_at,
    e.occurred_at, false, e.to_status, jsonb_build_object('offer_id', e.offer_id),
    jsonb_strip_nulls(jsonb_build_object('from', e.from_status, 'actor', e.actor)), null, '{}'
  from event e;
$$;
