-- Fails claimed leads that no rule matched: parallel arrays, one element a lead.
--   - p_outcomes are 'no_match' or 'error', a record is what the decision rests on;
--   - logs each decision;
--   - returns one row a lead, outcome
--       'retry'   failed, and tried again at next_retry_at (a row of lead_routing_queue);
--       'failed'  failed for good: that was the fifth attempt;
--       'lost'    p_token no longer holds it, or its lease ended: nothing of it was changed. Where
--                 this attempt ended before, its trace tells of the repeat.
create or replace function fail_routings(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_token uuid,
  p_outcomes text[],
  p_errors text[],
  p_records jsonb[],
  p_attempt_traceparents text[],
  p_now timestamptz default now()
) returns table (org_id uuid, lead_id uuid, outcome text, next_retry_at timestamptz)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_held held_lead[];
begin
  perform set_tenant(p_org_ids);
  v_held := array(select h from lock_held_leads(p_org_ids, p_lead_ids, p_token, p_now) h);
  if cardinality(v_held) < cardinality(p_lead_ids) then
    perform note_repeated_attempts(
      'fail_routings', p_org_ids, p_lead_ids, p_attempt_traceparents, p_now);
  end if;

  return query
  with held as materialized (
    select l.*, p_now + routing_retry_delay(l.attempt) as retry_at
    from unnest(v_held) l
  ), item as materialized (
    select held.*, i.outcome, i.error, i.record, i.attempt_traceparent
    from held
    join unnest(p_org_ids, p_lead_ids, p_outcomes, p_errors, p_records,
        p_attempt_traceparents)
      as i (org_id, lead_id, outcome, error, record, attempt_traceparent)
      using (org_id, lead_id)
  ), decided as (
    update leads l
    set routing_status = 'failed',
        routing_error = item.error,
        routing_last_attempted_at = p_now,
        routing_attempt_traceparent = item.attempt_traceparent,
        routing_locked_by = null,
        routing_locked_at = null,
        routing_lock_token = null,
        routing_lock_expires_at = null,
        due_at = item.retry_at,
        decided_at = case when item.retry_at is null then p_now end
    from item
    where l.org_id = item.org_id and l.lead_id = item.lead_id
  ), logged as (
    insert into lead_routing_logs (org_id, lead_id, attempt, outcome, error, candidates, inputs,
      worker, started_at, decided_at, retry_at, trace_id, attempt_trace_id, attempt_traceparent)
    select item.org_id, item.lead_id, item.attempt, item.outcome, item.error,
      item.record -> 'candidates', item.record -> 'inputs', item.worker,
      item.locked_at, p_now, item.retry_at, item.trace_id, substr(item.attempt_traceparent, 4, 32),
      item.attempt_traceparent
    from item
  ), queued as (
    insert into lead_routing_queue (org_id, lead_id, attempt, next_retry_at, error, enqueued_at,
      trace_id, traceparent, tracestate)
    select item.org_id, item.lead_id, item.attempt + 1, item.retry_at, item.error, p_now,
      item.trace_id, item.traceparent, item.tracestate
    from item
    where item.retry_at is not null
  )
  select i.org_id, i.lead_id,
    case
      when item.lead_id is null then 'lost'
      when item.retry_at is null then 'failed'
      else 'retry'
    end,
    item.retry_at
  from unnest(p_org_ids, p_lead_ids) as i (org_id, lead_id)
  left join item using (org_id, lead_id);
end;
$$;
