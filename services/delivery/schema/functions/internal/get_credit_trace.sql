-- A trace's ledger transactions, and the time a credit was held, as bars of a waterfall. A
-- consumption has the trace of its offer, and is found through the delivery.
-- For use by get_trace, which has set the tenant.
create or replace function get_credit_trace(p_trace_id text) returns table (
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
  select 'credit_holds', h.hold_id, 0, 'credit held', h.created_at, h.resolved_at, true,
    case h.status when 'live' then 'pending' else h.status end,
    jsonb_build_object('delivery_id', h.delivery_id, 'hold_id', h.hold_id,
      'workspace_id', h.workspace_id),
    jsonb_build_object('expires_at', h.expires_at), null::text, '{}'::text[]
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
  from movement c;
$$;
