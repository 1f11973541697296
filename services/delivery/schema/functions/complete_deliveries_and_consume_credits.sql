-- Where a credit is captured. Completes deliveries as DELIVERED or PARTIAL and consumes one credit
-- each: the live hold becomes 'captured' here, and internal/post_credits writes CREDIT_CONSUMPTION
-- into the ledger, from 'held' (without a hold from 'available') to 'consumed'.
--   - Moves each offer from LEAD_READY to SENT_TO_DEVELOPER and writes its events.
--   - All or nothing for each delivery, whatever becomes of the others; one named twice counts
--     once.
--   - p_tokens fence: the token must be that of an unexpired lease. A null token completes by
--     hand, whatever the delivery's status and whichever worker sends it; that worker loses its
--     lease.
--   - Deliveries are locked first. Their accounts are locked before the decision where credits are
--     scarce, otherwise only when everything else is written.
--   - Returns an outcome for each delivery: 'completed', 'duplicate' (it was before),
--     'insufficient_credits', 'lease_lost', 'state_refused' (its offer is not at LEAD_READY) or
--     'not_found'; all but the first change nothing.
--   - Raises serialization_failure (40001: call again) where others spent the credits meanwhile.
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
  v_are_locked boolean := false;
  -- Arrays: of all deliveries, and (done_…) of those that are completed.
  v_checked record;
begin
  perform set_tenant(p_org_ids, null, p_traceparents[1]);
  perform lock_deliveries_only(p_org_ids, p_delivery_ids);
  loop
    -- A statement of its own: it sees what was committed while we waited for the locks.
    select array_agg(c.org_id) as org_ids, array_agg(c.delivery_id) as delivery_ids,
      array_agg(c.outcome) as outcomes, array_agg(c.workspace_id) as workspace_ids,
      bool_or(c.is_scarce) as some_are_scarce,
      array_agg(c.org_id) filter (where c.is_done) as done_org_ids,
      array_agg(c.delivery_id) filter (where c.is_done) as done_ids,
      array_agg(c.workspace_id) filter (where c.is_done) as done_workspace_ids,
      array_agg(c.offer_id) filter (where c.is_done) as done_offer_ids,
      array_agg(c.hold_id) filter (where c.is_done) as done_hold_ids,
      array_agg(c.from_account) filter (where c.is_done) as done_from_accounts,
      array_agg(1) filter (where c.is_done) as done_credits,
      array_agg(c.status) filter (where c.is_done) as done_statuses,
      array_agg(c.actor) filter (where c.is_done) as done_actors,
      array_agg(c.trace_id) filter (where c.is_done) as done_trace_ids,
      bool_or(c.is_waiting) filter (where c.is_done) as some_are_waiting,
      bool_or(c.was_claimed) filter (where c.is_done) as some_were_claimed,
      bool_or(c.hold_id is not null) filter (where c.is_done) as some_have_holds
    into v_checked
    from decide_completions(p_org_ids, p_delivery_ids, p_tokens, p_statuses, p_now) c;
    exit when v_are_locked or not v_checked.some_are_scarce;
    -- The last credits are given out while the accounts stand still.
    perform lock_accounts(v_checked.org_ids, v_checked.workspace_ids);
    v_are_locked := true;
  end loop;

  if v_checked.done_ids is not null then
    perform end_deliveries(v_checked.done_org_ids, v_checked.done_ids, v_checked.done_statuses,
      null, p_now);
    -- Each of these costs a single completion as much as a row it writes.
    if v_checked.some_are_waiting then
      perform end_waits(v_checked.done_org_ids, v_checked.done_ids, p_now);
    end if;
    if v_checked.some_were_claimed then
      perform end_unfinished_attempts(v_checked.done_org_ids, v_checked.done_ids,
        'completed by hand before an answer was reported', p_now);
    end if;
    if v_checked.some_have_holds then
      update credit_holds h
      set status = 'captured',
          resolved_at = p_now
      from unnest(v_checked.done_org_ids, v_checked.done_hold_ids) as n (org_id, hold_id)
      where h.org_id = n.org_id and h.hold_id = n.hold_id;
    end if;
    perform move_offers(v_checked.done_org_ids, v_checked.done_offer_ids, 'LEAD_READY',
      'SENT_TO_DEVELOPER', v_checked.done_actors, p_now);
    -- Last, because all of a workspace's completions wait for it until we have committed.
    perform lock_accounts_for_consumption(v_checked.done_org_ids, v_checked.done_workspace_ids,
      v_checked.done_from_accounts);
    perform post_credits('CREDIT_CONSUMPTION', v_checked.done_org_ids,
      v_checked.done_workspace_ids, v_checked.done_from_accounts, 'consumed',
      v_checked.done_credits, v_checked.done_ids, v_checked.done_hold_ids, '',
      v_checked.done_trace_ids, p_now);
  end if;

  return query
  select c.org_id, c.delivery_id, c.outcome
  from unnest(v_checked.org_ids, v_checked.delivery_ids, v_checked.outcomes)
    as c (org_id, delivery_id, outcome);
end;
$$;
