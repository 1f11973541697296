-- Writes the outcomes of attempts, how far each delivery is with the endpoint, and the endpoint's
-- health: 'gone' disables it, a throttle says until when nothing is sent to it. Attempts that are
-- not under p_tokens, or have an outcome already, stay as they are. For use by other functions,
-- which have set the tenant, locked the deliveries with their accounts and checked their leases.
create or replace function finish_attempts(
  p_org_ids uuid[],
  p_attempt_ids uuid[],
  p_tokens uuid[],
  p_outcomes text[],
  p_status_codes int[],
  p_errors text[],
  p_answer_excerpts text[],
  p_throttle_seconds double precision[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  with finished as (
    update attempts t
    set outcome = n.outcome,
        status_code = n.status_code,
        error = n.error,
        answer_excerpt = n.answer_excerpt,
        ended_at = p_now
    from unnest(p_org_ids, p_attempt_ids, p_tokens, p_outcomes, p_status_codes, p_errors,
        p_answer_excerpts)
      as n (org_id, attempt_id, token, outcome, status_code, error, answer_excerpt)
    where t.org_id = n.org_id and t.attempt_id = n.attempt_id and t.outcome is null
      and t.claim_token = n.token -- fence: token
    returning t.org_id, t.delivery_id, t.endpoint_id, t.outcome
  )
  update delivery_endpoints p
  set status = case
        when f.outcome = 'accepted' then 'accepted'
        when f.outcome in ('rejected', 'returned') then 'failed'
        else 'pending' end,
      last_outcome = f.outcome,
      updated_at = p_now
  from finished f
  where p.org_id = f.org_id and p.delivery_id = f.delivery_id and p.endpoint_id = f.endpoint_id;

  update endpoints e
  set status = case when reported.is_gone then 'disabled' else e.status end,
      disabled_reason = case when reported.is_gone then 'gone' else e.disabled_reason end,
      throttled_until = case when reported.throttle_seconds > 0
        then greatest(e.throttled_until, p_now + make_interval(secs => reported.throttle_seconds))
        else e.throttled_until end,
      updated_at = p_now
  from (
    select t.org_id, t.endpoint_id, bool_or(n.outcome = 'gone') as is_gone,
      max(n.throttle_seconds) as throttle_seconds
    from unnest(p_org_ids, p_attempt_ids, p_tokens, p_outcomes, p_throttle_seconds)
      as n (org_id, attempt_id, token, outcome, throttle_seconds)
    join attempts t
      on t.org_id = n.org_id and t.attempt_id = n.attempt_id
      and t.claim_token = n.token -- fence: token of the endpoint
    where n.outcome in ('gone', 'throttled')
    group by t.org_id, t.endpoint_id
  ) reported
  where e.org_id = reported.org_id and e.endpoint_id = reported.endpoint_id;
end;
$$;
