-- Decides of each delivery whether it is completed now.
--   - Returns one row for each delivery, also where it is named twice: the outcome that
--     complete_deliveries_and_consume_credits returns (is_done: 'completed'), and what is written
--     then: the status, the account that its credit comes from, the actor of the event.
--   - is_scarce: its credit is among the last c_spare_credits available ones, so that the account
--     must be locked before it is decided.
-- For use by that function, which has set the tenant and has locked the deliveries.
create or replace function decide_completions(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_tokens uuid[],
  p_statuses text[],
  p_now timestamptz
) returns table (
  org_id uuid,
  delivery_id uuid,
  workspace_id uuid,
  offer_id uuid,
  hold_id uuid,
  trace_id text,
  status text,
  from_account text,
  actor text,
  is_waiting boolean,
  was_claimed boolean,
  is_scarce boolean,
  is_done boolean,
  outcome text
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  -- More than others spend between two of our statements; where they spent more, the call is
  -- repeated.
  c_spare_credits constant int := 100;
begin
  return query
  with named as (
    select distinct on (n.org_id, n.delivery_id) n.*
    from unnest(p_org_ids, p_delivery_ids, p_tokens, p_statuses)
      with ordinality as n (org_id, delivery_id, token, status, place)
    order by n.org_id, n.delivery_id, n.place
  ), found as (
    select n.*, d.workspace_id, d.offer_id, d.trace_id, d.waiting_for, d.claimed_at, h.hold_id,
      a.available, case
        when d.delivery_id is null then 'not_found'
        when d.status in ('DELIVERED', 'PARTIAL') then 'duplicate'
        when n.token is not null and d.claim_token is distinct from n.token -- fence: token
          then 'lease_lost'
        when n.token is not null and d.claim_expires_at <= p_now -- fence: lease
          then 'lease_lost'
        when o.status <> 'LEAD_READY' then 'state_refused'
        when h.hold_id is not null then 'completed'
        else 'unpaid' end as outcome
    from named n
    left join lateral (
      select d.*
      from deliveries d
      where d.org_id = n.org_id and d.delivery_id = n.delivery_id
      limit 1
    ) d on true
    left join lateral (
      select o.status
      from lead_offers o
      where o.org_id = d.org_id and o.offer_id = d.offer_id
      limit 1
    ) o on true
    left join lateral (
      select a.available
      from credit_accounts a
      where a.org_id = d.org_id and a.workspace_id = d.workspace_id
      limit 1
    ) a on true
    left join lateral (
      select h.hold_id
      from credit_holds h
      where h.org_id = d.org_id and h.delivery_id = d.delivery_id and h.status = 'live'
      limit 1
    ) h on true
  ), placed as (
    select f.*, row_number() over (
      partition by f.org_id, f.workspace_id, f.outcome
      order by f.place) as credit_place
    from found f
  ), decided as (
    select p.*,
      p.outcome = 'unpaid' and p.credit_place > p.available - c_spare_credits as is_scarce,
      case
        when p.outcome <> 'unpaid' then p.outcome
        when p.credit_place <= p.available then 'completed'
        else 'insufficient_credits' end as decision
    from placed p
  )

  select d.org_id, d.delivery_id, d.workspace_id, d.offer_id, d.hold_id, d.trace_id::text, d.status,
    case when d.hold_id is null then 'available' else 'held' end,
    -- For the event: the consistency check asks for an acceptance, but not of an operator.
    case when d.token is null then 'operator' else 'delivery' end,
    d.waiting_for is not null, d.claimed_at is not null, d.is_scarce, d.decision = 'completed',
    d.decision
  from decided d;
end;
$$;
