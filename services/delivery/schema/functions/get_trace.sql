-- Every row of this schema that a trace has, as bars of a waterfall, oldest first: offers and their
-- steps, deliveries with each attempt, and what was waited for: the queue, a retry, a credit, an
-- endpoint, and the time a credit was held. What has the trace of its offer or delivery is found
-- through those; the books say that it has.
create or replace function get_trace(
  p_org_ids uuid[],
  p_workspace_id uuid,
  p_trace_id text
) returns table (
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
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  return query
  -- One look-up by key a row, whatever the statistics of tables that fill fast say.
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
  ), movement as materialized (
    select c.*
    from credit_transactions c
    where c.trace_id = p_trace_id and c.type <> 'CREDIT_CONSUMPTION'
    union all
    select c.*
    from delivery d
    cross join lateral (
      select c.*
      from credit_transactions c
      where c.org_id = d.org_id and c.delivery_id = d.delivery_id
        and c.type = 'CREDIT_CONSUMPTION'
      limit 1
    ) c
  )
  select bars.*
  from (
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
    from event e
    union all
    select 'deliveries', d.delivery_id, 0, 'delivery', d.created_at, d.completed_at, false,
      d.status,
      jsonb_build_object('delivery_id', d.delivery_id, 'offer_id', d.offer_id,
        'lead_id', d.lead_id, 'workspace_id', d.workspace_id),
      jsonb_strip_nulls(jsonb_build_object('attempts', d.attempt_count, 'reason', d.reason,
        'waiting_for', d.waiting_for)), null, '{}'
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
      and (n.attempt_id is not null or d.status in ('PENDING', 'IN_PROGRESS'))
    union all
    select 'credit_holds', h.hold_id, 0, 'credit held', h.created_at, h.resolved_at, true,
      case h.status when 'live' then 'pending' else h.status end,
      jsonb_build_object('delivery_id', h.delivery_id, 'hold_id', h.hold_id,
        'workspace_id', h.workspace_id),
      jsonb_build_object('expires_at', h.expires_at), null, '{}'
    from movement c
    join credit_holds h using (org_id, hold_id)
    where c.type = 'CREDIT_HOLD'
    union all
    select 'credit_transactions', c.transaction_id, 0, lower(replace(c.type, '_', ' ')),
      c.created_at, c.created_at, false, c.type,
      jsonb_strip_nulls(jsonb_build_object('transaction_id', c.transaction_id,
        'delivery_id', c.delivery_id, 'workspace_id', c.workspace_id)),
      jsonb_build_object('entries', jsonb_build_array(
        jsonb_build_object('account', c.from_account, 'amount', -c.credits,
          'balance_after', c.from_balance_after),
        jsonb_build_object('account', c.to_account, 'amount', c.credits,
          'balance_after', c.to_balance_after))), null, '{}'
    from movement c
    union all
    select 'endpoints', e.endpoint_id, 0, 'endpoint created', e.created_at, e.created_at, false,
      e.status,
      jsonb_build_object('endpoint_id', e.endpoint_id, 'workspace_id', e.workspace_id), '{}', null,
      '{}'
    from endpoints e
    where e.trace_id = p_trace_id
    union all
    select o.*
    from get_outbox_trace(p_trace_id) o
    where p_workspace_id is null
    union all
    select r.*
    from get_repeats_trace(p_trace_id) r
    where p_workspace_id is null
  ) bars
  order by 5, 7, 1, 3;
end;
$$;
