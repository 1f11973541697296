-- runs as: system
-- Claims due deliveries over all tenants, as lock_due_deliveries chooses them, and holds a credit
-- for each in the same transaction: nothing is sent without one.
--   - p_token fences what is reported back, until p_now + p_lease_seconds.
--   - What the caller is sending already (p_busy_counts of p_busy_workspace_ids) and what it
--     claims add up to at most p_in_flight_limit, and to p_workspace_limit for each workspace; the
--     rest is left to a later claim.
--   - A due delivery that is not claimed is parked, deferred or ended: start_claims says why.
--   - Attempts that a lost lease left unfinished become 'unknown'; their hold is kept.
--   - Returns a row for each endpoint that has not answered for good and is not throttled, with
--     the attempt that was begun; a delivery without such an endpoint returns one row without
--     attempt.
--   - Counts of the delivery's endpoints: accepted_count and failed_count answered for good,
--     throttled_count are tried later, missed_count were disabled before they answered.
create or replace function claim_deliveries(
  p_worker text,
  p_token uuid,
  p_limit int,
  p_workspace_limit int,
  p_in_flight_limit int,
  p_spare_count int,
  p_busy_workspace_ids uuid[],
  p_busy_counts int[],
  p_lease_seconds double precision,
  p_hold_seconds double precision,
  p_attempts_max int,
  p_due_from timestamptz default null,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  delivery_id uuid,
  lead_id uuid,
  workspace_id uuid,
  attempt_count int,
  created_at timestamptz,
  due_at timestamptz,
  claim_expires_at timestamptz,
  traceparent text,
  tracestate text,
  payload json,
  accepted_count int,
  failed_count int,
  throttled_count int,
  missed_count int,
  attempt_id uuid,
  attempt_traceparent text,
  previous_traceparent text,
  endpoint_id uuid,
  url text,
  secret_ids uuid[],
  secrets bytea[]
)
language plpgsql
security definer
set search_path from current
as $$
#variable_conflict use_column
declare
  v_org_ids uuid[];
  v_delivery_ids uuid[];
  v_workspace_ids uuid[];
  v_due_ats timestamptz[];
  v_decided record;
begin
  select array_agg(due.org_id), array_agg(due.delivery_id), array_agg(due.workspace_id),
    array_agg(due.due_at)
  into v_org_ids, v_delivery_ids, v_workspace_ids, v_due_ats
  from lock_due_deliveries(p_limit, p_workspace_limit, p_in_flight_limit, p_spare_count,
    p_busy_workspace_ids, p_busy_counts, p_due_from, p_now) due;
  if v_org_ids is null then
    return;
  end if;
  perform lock_accounts(v_org_ids, v_workspace_ids);
  select array_agg(s.org_id) filter (where s.decision = 'exhausted') as exhausted_org_ids,
    array_agg(s.delivery_id) filter (where s.decision = 'exhausted') as exhausted_ids,
    bool_or(s.decision in ('wait for credit', 'wait for endpoint')) as some_wait,
    bool_or(s.decision = 'send') as some_are_sent,
    bool_or(s.has_hold) as some_have_holds,
    bool_or(s.was_claimed) as some_were_claimed
  into v_decided
  from start_claims(v_org_ids, v_delivery_ids, p_worker, p_token, p_workspace_limit,
    p_busy_workspace_ids, p_busy_counts, p_lease_seconds, p_attempts_max, p_now) s;

  -- Each of these costs a small claim as much as a row it writes.
  if v_decided.exhausted_ids is not null then
    perform end_deliveries(v_decided.exhausted_org_ids, v_decided.exhausted_ids,
      array_fill('DEAD_LETTER'::text, array[cardinality(v_decided.exhausted_ids)]),
      array_fill('exhausted'::text, array[cardinality(v_decided.exhausted_ids)]), p_now);
  end if;
  if v_decided.some_wait then
    perform begin_waits(v_org_ids, v_delivery_ids, p_now);
  end if;
  if v_decided.some_have_holds then
    perform extend_holds(v_org_ids, v_delivery_ids, p_token, p_hold_seconds, p_now);
  end if;
  if v_decided.some_were_claimed then
    perform end_unfinished_attempts(v_org_ids, v_delivery_ids,
      'the lease was lost before an answer was reported', p_now);
  end if;
  if not v_decided.some_are_sent then
    return;
  end if;
  perform hold_credits(v_org_ids, v_delivery_ids, p_token, p_hold_seconds, p_now);
  perform begin_attempts(v_org_ids, v_delivery_ids, v_due_ats, p_token, p_now);
  return query
  select c.*
  from read_claims(v_org_ids, v_delivery_ids, v_due_ats, p_token, p_now) c;
end;
$$;
