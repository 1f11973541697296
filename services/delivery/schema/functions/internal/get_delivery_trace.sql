-- A trace's deliveries with each attempt, and what was waited for: the queue, a retry, a credit,
-- an endpoint, as bars of a waterfall.
-- For use by get_trace, which has set the tenant.
create or replace function get_delivery_trace(p_trace_id text) returns table (
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
  ), delivery as materialized (
    select d.*
    from offer o
    cross join lateral (
      select d.*
      from deliveries d
      where d.org_id = o.org_id and d.offer_id = o.offer_id
      limit 1
    ) d
  ), attempt as materialized (
    select t.*
    from delivery d
    cross join lateral (
      select t.*
      from attempts t
      where t.org_id = d.org_id and t.delivery_id = d.delivery_id
      offset 0
    ) t
  )
  select 'deliveries', d.delivery_id, 0, 'delivery', d.created_at, d.completed_at, false,
    d.status,
    jsonb_build_object('delivery_id', d.delivery_id, 'offer_id', d.offer_id,
      'lead_id', d.lead_id, 'workspace_id', d.workspace_id),
    jsonb_strip_nulls(jsonb_build_object('attempts', d.attempt_count, 'reason', d.reason,
      'waiting_for', d.waiting_for)), null::text, '{}'::text[]
  from delivery d
  union all
  -- The queue: until the first try, less what was waited for by name.
  select 'deliveries', d.delivery_id, 0, 'queue for delivery', d.created_at,
    coalesce(f.started_at, d.completed_at), true,
    case when coalesce(f.started_at, d.completed_at) is null then 'pending' else 'claimed' end,
    jsonb_build_object('delivery_id', d.delivery_id), '{}', null, '{}'
  from delivery d
  left join lateral (
    select least(
      (select min(t.started_at) from attempt t
        where t.org_id = d.org_id and t.delivery_id = d.delivery_id),
      (select min(w.started_at) from delivery_waits w
        where w.org_id = d.org_id and w.delivery_id = d.delivery_id)) as started_at
  ) f on true
  union all
  select 'delivery_waits', w.wait_id, 0, 'wait for ' || w.waiting_for, w.started_at, w.ended_at,
    true, case when w.ended_at is null then 'pending' else 'woken' end,
    jsonb_build_object('delivery_id', w.delivery_id, 'workspace_id', w.workspace_id), '{}', null,
    '{}'
  from delivery_waits w
  where w.trace_id = p_trace_id
  union all
  select 'attempts', t.attempt_id, t.number, 'delivery attempt', t.started_at, t.ended_at, false,
    coalesce(t.outcome, 'pending'),
    jsonb_build_object('delivery_id', t.delivery_id, 'endpoint_id', t.endpoint_id),
    jsonb_strip_nulls(jsonb_build_object('status_code', t.status_code, 'error', t.error)),
    nullif(substr(t.attempt_traceparent, 4, 32), t.trace_id::text),
    case when substr(t.attempt_traceparent, 4, 32) = t.trace_id then '{}'::text[]
      else array_remove(array[t.trace_id::text, substr(b.attempt_traceparent, 4, 32)], null) end
  from attempt t
  left join attempt b
    on b.org_id = t.org_id and b.delivery_id = t.delivery_id
    and b.endpoint_id = t.endpoint_id and b.number = t.number - 1
  union all
  select 'attempts', t.attempt_id, t.number, 'wait before retry', t.ended_at,
    coalesce(n.started_at, d.completed_at), true, t.outcome,
    jsonb_build_object('delivery_id', t.delivery_id, 'endpoint_id', t.endpoint_id), '{}', null,
    '{}'
  from attempt t
  join delivery d using (org_id, delivery_id)
  left join attempt n
    on n.org_id = t.org_id and n.delivery_id = t.delivery_id
    and n.endpoint_id = t.endpoint_id and n.number = t.number + 1
  where t.outcome in ('retry', 'throttled', 'redirected', 'unknown')
    and (n.attempt_id is not null or d.status in ('PENDING', 'IN_PROGRESS'));
$$;
