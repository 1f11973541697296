-- Reports sent deliveries back, in one transaction: attempts (arrays of their own), status, next
-- try, endpoint health, credit and events. Each is fenced by its token and lease: what lost it
-- changes nothing, and what was reported before is noted in its trace as a repeat.
--   - p_actions: 'complete' (DELIVERED) and 'complete_partial' (PARTIAL) consume the credit;
--     'fail' (FAILED) and 'dead_letter' (DEAD_LETTER) end the delivery with p_reasons; 'retry'
--     tries again after p_retry_after_seconds; 'defer' tries again at once, the attempt unspent
--     (its endpoint is gone: the next claim parks it).
--   - p_hold_actions, for what is not completed: 'release' the credit, 'keep' the hold until it
--     expires (a buyer may have the lead), or 'extend' it past the next try (a buyer has the
--     lead).
--   - Returns for each delivery 'finished', or the outcome of
--     complete_deliveries_and_consume_credits where that is not 'completed'.
create or replace function finish_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_tokens uuid[],
  p_actions text[],
  p_reasons text[],
  p_retry_after_seconds double precision[],
  p_hold_actions text[],
  p_hold_seconds double precision,
  p_traceparents text[],
  p_attempt_org_ids uuid[],
  p_attempt_delivery_ids uuid[],
  p_attempt_ids uuid[],
  p_attempt_outcomes text[],
  p_attempt_status_codes int[],
  p_attempt_errors text[],
  p_attempt_answer_excerpts text[],
  p_attempt_throttle_seconds double precision[],
  p_now timestamptz default now()
) returns table (org_id uuid, delivery_id uuid, outcome text)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  -- Of deliveries that are reported under their lease.
  v_held_ids uuid[];
  v_release_org_ids uuid[];
  v_release_ids uuid[];
begin
  perform set_tenant(p_org_ids, null, p_traceparents[1]);
  perform lock_deliveries(p_org_ids, p_delivery_ids);

  select coalesce(array_agg(d.delivery_id), '{}') into v_held_ids
  from deliveries d
  join unnest(p_org_ids, p_delivery_ids, p_tokens) as n (org_id, delivery_id, token)
    using (org_id, delivery_id)
  where d.claim_token = n.token -- fence: token
    and d.claim_expires_at > p_now; -- fence: lease

  if cardinality(v_held_ids) < cardinality(p_delivery_ids) then
    perform note_repeated_reports(p_org_ids, p_delivery_ids, v_held_ids, p_tokens, p_traceparents,
      p_attempt_org_ids, p_attempt_delivery_ids, p_attempt_ids, p_attempt_outcomes, p_now);
  end if;

  perform finish_attempts(array_agg(a.org_id), array_agg(a.attempt_id), array_agg(n.token),
    array_agg(a.outcome), array_agg(a.status_code), array_agg(a.error),
    array_agg(a.answer_excerpt), array_agg(a.throttle_seconds), p_now)
  from unnest(p_attempt_org_ids, p_attempt_delivery_ids, p_attempt_ids, p_attempt_outcomes,
      p_attempt_status_codes, p_attempt_errors, p_attempt_answer_excerpts,
      p_attempt_throttle_seconds)
    as a (org_id, delivery_id, attempt_id, outcome, status_code, error, answer_excerpt,
      throttle_seconds)
  join unnest(p_org_ids, p_delivery_ids, p_tokens) as n (org_id, delivery_id, token)
    using (org_id, delivery_id)
  where a.delivery_id = any (v_held_ids);

  return query
  select c.org_id, c.delivery_id,
    case c.outcome when 'completed' then 'finished' else c.outcome end
  from (
    select array_agg(n.org_id) as org_ids, array_agg(n.delivery_id) as delivery_ids,
      array_agg(n.token) as tokens, array_agg(n.traceparent) as traceparents,
      array_agg(case n.action when 'complete' then 'DELIVERED' else 'PARTIAL' end) as statuses
    from unnest(p_org_ids, p_delivery_ids, p_tokens, p_actions, p_traceparents)
      as n (org_id, delivery_id, token, action, traceparent)
    where n.action in ('complete', 'complete_partial')
    having count(*) > 0
  ) done
  cross join lateral complete_deliveries_and_consume_credits(done.org_ids, done.delivery_ids,
    done.tokens, done.statuses, done.traceparents, p_now) c;

  perform end_deliveries(array_agg(n.org_id), array_agg(n.delivery_id),
    array_agg(case n.action when 'fail' then 'FAILED' else 'DEAD_LETTER' end),
    array_agg(n.reason), p_now)
  from unnest(p_org_ids, p_delivery_ids, p_actions, p_reasons)
    as n (org_id, delivery_id, action, reason)
  where n.delivery_id = any (v_held_ids) and n.action in ('fail', 'dead_letter')
  having count(*) > 0;

  perform reschedule_deliveries(array_agg(n.org_id), array_agg(n.delivery_id), array_agg(n.action),
    array_agg(n.reason), array_agg(n.retry_after_seconds), array_agg(n.hold_action),
    p_hold_seconds, p_now)
  from unnest(p_org_ids, p_delivery_ids, p_actions, p_reasons, p_retry_after_seconds,
      p_hold_actions)
    as n (org_id, delivery_id, action, reason, retry_after_seconds, hold_action)
  where n.delivery_id = any (v_held_ids) and n.action not in ('complete', 'complete_partial')
  having count(*) > 0;

  return query
  select n.org_id, n.delivery_id,
    case when n.delivery_id = any (v_held_ids) then 'finished' else 'lease_lost' end
  from unnest(p_org_ids, p_delivery_ids, p_actions) as n (org_id, delivery_id, action)
  where n.action not in ('complete', 'complete_partial');

  select array_agg(n.org_id), array_agg(n.delivery_id)
  into v_release_org_ids, v_release_ids
  from unnest(p_org_ids, p_delivery_ids, p_actions, p_hold_actions)
    as n (org_id, delivery_id, action, hold_action)
  where n.delivery_id = any (v_held_ids) and n.hold_action = 'release'
    and n.action not in ('complete', 'complete_partial');
  if v_release_ids is not null then
    perform release_holds(v_release_org_ids, v_release_ids, 'released', 'not delivered', p_now);
  end if;
end;
$$;
