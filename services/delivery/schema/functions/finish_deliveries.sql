-- Reports sent deliveries back, in one transaction: attempts, status, next try, endpoint health,
-- credit and events. Each is fenced by its token and lease; what lost it changes nothing, and where
-- it was reported before, its trace tells of the repeat.
-- p_verdicts: 'DELIVERED' or 'PARTIAL' complete and consume the credit, 'FAILED' or 'DEAD_LETTER'
-- end it with p_reasons, 'retry' tries again after p_retry_after_seconds, 'defer' tries again at
-- once with the attempt unspent (its endpoint is gone: the next claim parks it).
-- p_hold_fates, for what is not completed: 'release' the credit, 'keep' the hold until it expires
-- (a buyer may have the lead), or 'extend' it past the next try (a buyer has the lead).
-- Attempts come as arrays of their own.
-- Returns a row for each delivery: 'finished', or the outcome of
-- complete_deliveries_and_consume_credits where it is not 'completed'.
create or replace function finish_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_tokens uuid[],
  p_verdicts text[],
  p_reasons text[],
  p_retry_after_seconds double precision[],
  p_hold_fates text[],
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
  where d.claim_token = n.token and d.claim_expires_at > p_now;

  if cardinality(v_held_ids) < cardinality(p_delivery_ids) then
    perform note_repeats('finish_deliveries', array_agg(t.org_id), array_agg(t.attempt_id::text),
      array_agg(t.trace_id::text), array_agg(substr(n.traceparent, 4, 32)), p_now)
    from unnest(p_attempt_org_ids, p_attempt_delivery_ids, p_attempt_ids, p_attempt_outcomes)
      as a (org_id, delivery_id, attempt_id, outcome)
    join unnest(p_org_ids, p_delivery_ids, p_tokens, p_traceparents)
      as n (org_id, delivery_id, token, traceparent) using (org_id, delivery_id)
    cross join lateral (
      select t.*
      from attempts t
      where t.org_id = a.org_id and t.attempt_id = a.attempt_id and t.claim_token = n.token
        and t.outcome = a.outcome
      limit 1
    ) t
    where a.delivery_id <> all (v_held_ids);
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
      array_agg(n.token) as tokens, array_agg(n.verdict) as verdicts,
      array_agg(n.traceparent) as traceparents
    from unnest(p_org_ids, p_delivery_ids, p_tokens, p_verdicts, p_traceparents)
      as n (org_id, delivery_id, token, verdict, traceparent)
    where n.verdict in ('DELIVERED', 'PARTIAL')
    having count(*) > 0
  ) done
  cross join lateral complete_deliveries_and_consume_credits(done.org_ids, done.delivery_ids,
    done.tokens, done.verdicts, done.traceparents, p_now) c;

  perform end_deliveries(array_agg(n.org_id), array_agg(n.delivery_id), array_agg(n.verdict),
    array_agg(n.reason), p_now)
  from unnest(p_org_ids, p_delivery_ids, p_verdicts, p_reasons)
    as n (org_id, delivery_id, verdict, reason)
  where n.delivery_id = any (v_held_ids) and n.verdict in ('FAILED', 'DEAD_LETTER')
  having count(*) > 0;

  return query
  with other as (
    select n.*, n.delivery_id = any (v_held_ids) as is_ours
    from unnest(p_org_ids, p_delivery_ids, p_verdicts, p_reasons, p_retry_after_seconds,
        p_hold_fates)
      as n (org_id, delivery_id, verdict, reason, retry_after_seconds, hold_fate)
    where n.verdict not in ('DELIVERED', 'PARTIAL')
  ), again as (
    update deliveries d
    set status = 'PENDING',
        waiting_for = case n.verdict when 'retry' then 'retry' end,
        reason = n.reason,
        attempt_count = d.attempt_count - (n.verdict = 'defer')::int,
        due_at = case n.verdict
          when 'retry' then p_now + make_interval(secs => n.retry_after_seconds)
          else p_now end,
        completed_at = null,
        claim_token = null,
        claim_expires_at = null
    from other n
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id and n.is_ours
      and n.verdict not in ('FAILED', 'DEAD_LETTER')
    returning d.org_id, d.delivery_id, d.due_at
  ), extended as (
    update credit_holds h
    set expires_at = greatest(h.expires_at,
      coalesce(a.due_at, p_now) + make_interval(secs => p_hold_seconds))
    from other n
    left join again a using (org_id, delivery_id)
    where h.org_id = n.org_id and h.delivery_id = n.delivery_id and h.status = 'live'
      and n.is_ours and n.hold_fate = 'extend'
  )
  select n.org_id, n.delivery_id, case when n.is_ours then 'finished' else 'lease_lost' end
  from other n;

  select array_agg(n.org_id), array_agg(n.delivery_id)
  into v_release_org_ids, v_release_ids
  from unnest(p_org_ids, p_delivery_ids, p_verdicts, p_hold_fates)
    as n (org_id, delivery_id, verdict, hold_fate)
  where n.delivery_id = any (v_held_ids) and n.hold_fate = 'release'
    and n.verdict not in ('DELIVERED', 'PARTIAL');
  if v_release_ids is not null then
    perform release_holds(v_release_org_ids, v_release_ids, 'released', 'not delivered', p_now);
  end if;
end;
$$;
