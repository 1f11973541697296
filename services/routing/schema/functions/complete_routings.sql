-- Completes claimed leads that a rule matched: parallel arrays, one element a lead, and the leads'
-- dedupe hashes as parallel arrays of their own, each lead's most telling hash first.
--   - a record is what the decision rests on: {"candidates": […], "inputs": {…}};
--   - in one transaction it takes the hashes for p_dedupe_seconds, decides, logs, and asks for the
--     offer (topic delivery.offer_leads);
--   - returns one row a lead, outcome
--       'routed'     the lead holds all of its hashes and is on its way to the workspace;
--       'duplicate'  another lead holds one of them (holder_lead_id): failed for good with
--                    CROSS_PARTNER_DUPLICATE and no offer. Hashes that were free stay with it: they
--                    are the same person's;
--       'lost'       p_token no longer holds it, or its lease ended: nothing of it was changed. Where
--                    this attempt completed it before, its trace tells of the repeat;
--   - of two equal leads at the same moment one is routed: the key of lead_dedupe_hashes decides;
--   - raises WB040 WORKSPACE_NOT_FOUND where an org has no such workspace; then nothing is changed.
create or replace function complete_routings(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_token uuid,
  p_workspace_ids uuid[],
  p_rule_ids uuid[],
  p_rule_versions int[],
  p_records jsonb[],
  p_offers jsonb[],
  p_attempt_traceparents text[],
  p_hash_org_ids uuid[],
  p_hash_lead_ids uuid[],
  p_hashes text[],
  p_dedupe_seconds double precision,
  p_now timestamptz default now()
) returns table (org_id uuid, lead_id uuid, outcome text, holder_lead_id uuid)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  c_until constant timestamptz := p_now + make_interval(secs => p_dedupe_seconds);
  v_held held_lead[];
begin
  perform set_tenant(p_org_ids);
  perform refuse_unknown_workspaces(p_org_ids, p_workspace_ids); -- fence: workspace
  v_held := array(select h from lock_held_leads(p_org_ids, p_lead_ids, p_token, p_now) h);
  if cardinality(v_held) < cardinality(p_lead_ids) then
    perform note_repeated_attempts(
      'complete_routings', p_org_ids, p_lead_ids, p_attempt_traceparents, p_now);
  end if;

  return query
  with item as materialized (
    select i.*, h.holder_lead_id, h.first_hash, coalesce(h.hash_count, 0) as hash_count,
      case when h.holder_lead_id is null then 'routed' else 'duplicate' end as outcome,
      case when h.holder_lead_id is not null then 'CROSS_PARTNER_DUPLICATE' end as error,
      l.attempt, l.worker, l.locked_at, l.trace_id, l.tracestate,
      -- A retry's trace is not the lead's; what travels on stays in the lead's.
      case
        when substr(i.attempt_traceparent, 4, 32) = l.trace_id then i.attempt_traceparent
        else l.traceparent
      end as traceparent
    from unnest(p_org_ids, p_lead_ids, p_workspace_ids, p_rule_ids, p_rule_versions,
        p_records, p_offers, p_attempt_traceparents)
      as i (org_id, lead_id, workspace_id, rule_id, rule_version, record, offer,
        attempt_traceparent)
    join unnest(v_held) l using (org_id, lead_id)
    left join take_dedupe_hashes(v_held, p_org_ids, p_lead_ids, p_workspace_ids, p_hash_org_ids,
      p_hash_lead_ids, p_hashes, c_until, p_now) h
      using (org_id, lead_id)
  ), decided as (
    update leads l
    set routing_status = case when item.error is null then 'routed' else 'failed' end,
        routing_error = item.error,
        workspace_id = case when item.error is null then item.workspace_id end,
        routing_last_attempted_at = p_now,
        routing_attempt_traceparent = item.attempt_traceparent,
        routing_locked_by = null,
        routing_locked_at = null,
        routing_lock_token = null,
        routing_lock_expires_at = null,
        due_at = null,
        decided_at = p_now,
        dedupe_hash = item.first_hash,
        dedupe_hash_count = item.hash_count,
        dedupe_until = case when item.first_hash is not null then c_until end
    from item
    where l.org_id = item.org_id and l.lead_id = item.lead_id
  ), logged as (
    insert into lead_routing_logs (org_id, lead_id, attempt, outcome, error, rule_id,
      rule_version, workspace_id, holder_lead_id, candidates, inputs, worker, started_at,
      decided_at, trace_id, attempt_trace_id, attempt_traceparent)
    select item.org_id, item.lead_id, item.attempt, item.outcome, item.error, item.rule_id,
      item.rule_version, item.workspace_id, item.holder_lead_id,
      item.record -> 'candidates', item.record -> 'inputs', item.worker, item.locked_at, p_now,
      item.trace_id, substr(item.attempt_traceparent, 4, 32), item.attempt_traceparent
    from item
  ), offered as (
    insert into outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at, due_at,
      trace_id, traceparent, tracestate)
    select item.org_id, item.lead_id, 'delivery.offer_leads', item.lead_id,
      jsonb_build_object('workspace_id', w.workspace_id, 'offer_policy', w.offer_policy,
        'payload', item.offer),
      p_now, p_now, item.trace_id, item.traceparent, item.tracestate
    from item
    -- One look-up by key a lead; a join could read all workspaces of the org for each.
    cross join lateral (
      select w.workspace_id, w.offer_policy
      from workspaces w
      where w.org_id = item.org_id and w.workspace_id = item.workspace_id
      limit 1
    ) w
    where item.error is null
  )
  select i.org_id, i.lead_id, coalesce(item.outcome, 'lost'), item.holder_lead_id
  from unnest(p_org_ids, p_lead_ids) as i (org_id, lead_id)
  left join item using (org_id, lead_id);
end;
$$;
