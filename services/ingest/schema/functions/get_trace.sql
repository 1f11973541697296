-- Every row of this schema that a trace has, as bars of a waterfall, oldest first: webhooks and
-- their items with the wait in the queue, each attempt and the waits between, messages, leads, handoffs.
-- Orphans, which concern no known org, belong to the nil org; their webhook's trace shows them too.
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
stable
set search_path from current
as $$
declare
  c_no_org constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  -- A workspace's token sees what was delivered to it, not what came in.
  if p_workspace_id is not null then
    return;
  end if;
  return query
  select bars.*
  from (
    select 'webhook_delivery_log', w.id, 0, 'webhook ' || w.event_type, w.received_at,
      w.completed_at, false, w.status, jsonb_build_object('webhook_id', w.delivery_id),
      jsonb_strip_nulls(jsonb_build_object('items', w.item_count, 'error', w.error_message)),
      null::text, '{}'::text[]
    from webhook_delivery_log w
    where w.trace_id = p_trace_id
    union all
    select 'webhook_orphans', o.item_id, 0, 'webhook item ' || o.kind, o.received_at,
      o.received_at, false, o.status,
      jsonb_build_object('item_id', o.item_id, 'webhook_id', o.delivery_id),
      jsonb_strip_nulls(jsonb_build_object('reason', o.reason, 'source_kind', o.source_kind,
        'source_external_id', o.source_external_id)),
      nullif(o.trace_id, p_trace_id)::text, array_remove(array[d.trace_id::text], p_trace_id)
    from (
      select t.delivery_id, t.ordinal from webhook_orphans t where t.trace_id = p_trace_id
      union
      select t.delivery_id, t.ordinal
      from webhook_deliveries w
      join webhook_orphans t using (delivery_id)
      where w.trace_id = p_trace_id) k
    join webhook_orphans o using (delivery_id, ordinal)
    join webhook_deliveries d using (delivery_id)
    where c_no_org = any (p_org_ids)
    union all
    select 'webhook_items', i.item_id, 0, 'queue ' || i.kind, i.received_at,
      coalesce(f.started_at, i.claimed_at, i.settled_at), true,
      case when i.claimed_at is null and i.settled_at is null then 'pending' else 'claimed' end,
      jsonb_build_object('item_id', i.item_id, 'webhook_id', i.delivery_id), '{}'::jsonb,
      null::text, array[substr(i.linked_traceparent, 4, 32)]
    from webhook_items i
    left join lateral (
      select min(a.started_at) as started_at
      from item_attempts a
      where a.org_id = i.org_id and a.item_id = i.item_id) f on true
    where i.trace_id = p_trace_id
    union all
    select 'item_attempts', a.item_id, a.number, 'process ' || i.kind, a.started_at, a.ended_at,
      false, a.outcome,
      jsonb_strip_nulls(jsonb_build_object('item_id', a.item_id, 'lead_id', i.lead_id)),
      jsonb_strip_nulls(jsonb_build_object('error', a.error)),
      nullif(a.attempt_trace_id, a.trace_id)::text,
      '{}'::text[]
    from webhook_items i
    -- Attempts have their item's trace.
    join item_attempts a using (org_id, item_id)
    where i.trace_id = p_trace_id
    union all
    select 'item_attempts', a.item_id, a.number, 'backoff', a.ended_at,
      coalesce(
        (select min(n.started_at) from item_attempts n
         where n.org_id = a.org_id and n.item_id = a.item_id and n.number > a.number),
        case when i.claim_token is not null then i.claimed_at end),
      true, 'retry', jsonb_build_object('item_id', a.item_id), '{}'::jsonb, null::text,
      '{}'::text[]
    from webhook_items i
    join item_attempts a using (org_id, item_id)
    where i.trace_id = p_trace_id and a.outcome = 'retry'
    union all
    select 'messages', m.message_id, 0, 'message stored', m.created_at, m.created_at, false,
      'stored', jsonb_build_object('conversation_id', m.conversation_id), '{}'::jsonb, null::text,
      '{}'::text[]
    from messages m
    where m.trace_id = p_trace_id
    union all
    select 'leads', l.lead_id, 0, 'lead created', l.created_at, l.created_at, false, 'created',
      jsonb_build_object('lead_id', l.lead_id, 'contact_id', l.contact_id,
        'conversation_id', l.conversation_id, 'source_id', l.source_id),
      jsonb_build_object('type', l.type), null::text, '{}'::text[]
    from leads l
    where l.trace_id = p_trace_id
    union all
    select * from get_outbox_trace(p_trace_id)
    union all
    select * from get_repeats_trace(p_trace_id)
  ) as bars (source_table, key, attempt, name, started_at, ended_at, waiting, outcome, ids,
    details, attempt_trace_id, linked_trace_ids)
  order by bars.started_at, bars.waiting desc;
end;
$$;
