-- Completes deliveries as DELIVERED or PARTIAL: consumes one credit each, moves the offers from
-- LEAD_READY to SENT_TO_DEVELOPER and writes the events; all or nothing for each item, whatever
-- becomes of the others. The delivery's live hold is captured; without one the credit is taken from
-- what is available. A null token completes by hand, whatever the delivery's status and whoever
-- sends it: the worker then finds its lease lost. A delivery named twice counts once. Returns a row
-- for each delivery with its outcome: 'completed', 'duplicate' (it was before),
-- 'insufficient_credits', 'lease_lost' (the token is not that of an unexpired lease),
-- 'state_refused' (its offer is not at LEAD_READY) or 'not_found'; all but the first change
-- nothing.
-- Deliveries are locked first. Their accounts are locked for judging where credits are scarce, else
-- only when everything else is written; raises serialization_failure (40001: call again) where what
-- was to spare is gone by then.
create or replace function complete_deliveries_and_consume_credits(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_tokens uuid[],
  p_statuses text[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns table (org_id uuid, delivery_id uuid, outcome text)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  -- More than others spend between two of our statements; where they spent more, a call is repeated.
  c_spare_credits constant int := 100;
  v_judged_org_ids uuid[];
  v_judged_ids uuid[];
  v_outcomes text[];
  v_judged_workspace_ids uuid[];
  v_some_are_scarce boolean;
  v_are_locked boolean := false;
  v_org_ids uuid[];
  v_delivery_ids uuid[];
  v_workspace_ids uuid[];
  v_offer_ids uuid[];
  v_hold_ids uuid[];
  v_from_accounts text[];
  v_credits int[];
  v_statuses text[];
  v_actors text[];
  v_trace_ids text[];
  v_some_waited boolean;
  v_some_were_claimed boolean;
  v_some_are_held boolean;
begin
  perform set_tenant(p_org_ids, null, p_traceparents[1]);
  perform
  from (
    select distinct n.org_id, n.delivery_id
    from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)
    order by n.org_id, n.delivery_id
  ) n
  -- One look-up by key each, whatever the statistics of tables that fill fast say.
  cross join lateral (
    select
    from deliveries d
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id
    limit 1
    for update
  ) d;

  loop
    -- A statement of its own: it sees what was committed while we waited for the locks.
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
          when n.token is not null
            and (d.claim_token is distinct from n.token or d.claim_expires_at <= p_now)
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
    ), judged as (
      select p.*,
        p.outcome = 'unpaid' and p.credit_place > p.available - c_spare_credits as is_scarce,
        case
          when p.outcome <> 'unpaid' then p.outcome
          when p.credit_place <= p.available then 'completed'
          else 'insufficient_credits' end as fate
      from placed p
    )
    select
      array_agg(j.org_id), array_agg(j.delivery_id), array_agg(j.fate), bool_or(j.is_scarce),
      array_agg(j.workspace_id),
      array_agg(j.org_id) filter (where j.fate = 'completed'),
      array_agg(j.delivery_id) filter (where j.fate = 'completed'),
      array_agg(j.workspace_id) filter (where j.fate = 'completed'),
      array_agg(j.offer_id) filter (where j.fate = 'completed'),
      array_agg(j.hold_id) filter (where j.fate = 'completed'),
      array_agg(case when j.hold_id is null then 'available' else 'held' end)
        filter (where j.fate = 'completed'),
      array_agg(1) filter (where j.fate = 'completed'),
      array_agg(j.status) filter (where j.fate = 'completed'),
      -- The event says who completed it: the books ask for an acceptance unless a person did.
      array_agg(case when j.token is null then 'operator' else 'delivery' end)
        filter (where j.fate = 'completed'),
      array_agg(j.trace_id) filter (where j.fate = 'completed'),
      bool_or(j.waiting_for is not null) filter (where j.fate = 'completed'),
      bool_or(j.claimed_at is not null) filter (where j.fate = 'completed'),
      bool_or(j.hold_id is not null) filter (where j.fate = 'completed')
    into v_judged_org_ids, v_judged_ids, v_outcomes, v_some_are_scarce, v_judged_workspace_ids,
      v_org_ids, v_delivery_ids, v_workspace_ids, v_offer_ids, v_hold_ids, v_from_accounts,
      v_credits, v_statuses, v_actors, v_trace_ids, v_some_waited, v_some_were_claimed,
      v_some_are_held
    from judged j;
    exit when v_are_locked or not v_some_are_scarce;
    -- Who gets the last credits is judged with the accounts standing still.
    perform lock_accounts(v_judged_org_ids, v_judged_workspace_ids);
    v_are_locked := true;
  end loop;

  if v_org_ids is not null then
    perform end_deliveries(v_org_ids, v_delivery_ids, v_statuses, null, p_now);
    -- Each of these costs a single completion as much as a row it writes.
    if v_some_waited then
      update delivery_waits w
      set ended_at = p_now
      from unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id)
      where w.org_id = n.org_id and w.delivery_id = n.delivery_id and w.ended_at is null;
    end if;
    if v_some_were_claimed then
      update attempts t
      set outcome = 'unknown',
          error = 'completed by hand before an answer was reported',
          ended_at = p_now
      from unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id)
      where t.org_id = n.org_id and t.delivery_id = n.delivery_id and t.outcome is null;
    end if;
    if v_some_are_held then
      update credit_holds h
      set status = 'captured',
          resolved_at = p_now
      from unnest(v_org_ids, v_hold_ids) as n (org_id, hold_id)
      where h.org_id = n.org_id and h.hold_id = n.hold_id;
    end if;

    perform move_offers(v_org_ids, v_offer_ids, 'LEAD_READY', 'SENT_TO_DEVELOPER', v_actors,
      p_now);

    -- Last, because all of a workspace's completions wait for it until we have committed.
    perform
    from (
      select n.org_id, n.workspace_id,
        count(*) filter (where n.from_account = 'available') as needed
      from unnest(v_org_ids, v_workspace_ids, v_from_accounts)
        as n (org_id, workspace_id, from_account)
      group by n.org_id, n.workspace_id
      order by n.org_id, n.workspace_id
    ) n
    cross join lateral (
      select a.available
      from credit_accounts a
      where a.org_id = n.org_id and a.workspace_id = n.workspace_id
      limit 1
      for update
    ) a
    where a.available < n.needed;
    if found then
      raise exception using
        errcode = 'serialization_failure',
        message = 'other completions spent the credits meanwhile';
    end if;
    perform post_credits('CREDIT_CONSUMPTION', v_org_ids, v_workspace_ids, v_from_accounts,
      'consumed', v_credits, v_delivery_ids, v_hold_ids, '', v_trace_ids, p_now);
  end if;

  return query
  select j.org_id, j.delivery_id, j.outcome
  from unnest(v_judged_org_ids, v_judged_ids, v_outcomes) as j (org_id, delivery_id, outcome);
end;
$$;
