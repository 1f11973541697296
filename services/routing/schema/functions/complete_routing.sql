-- Completes one claimed lead that a rule matched, as `complete_routings` does many.
create or replace function complete_routing(
  p_org_id uuid,
  p_lead_id uuid,
  p_token uuid,
  p_workspace_id uuid,
  p_rule_id uuid,
  p_rule_version int,
  p_record jsonb,
  p_offer jsonb,
  p_attempt_traceparent text,
  p_hashes text[],
  p_dedupe_seconds double precision,
  p_now timestamptz default now()
) returns table (org_id uuid, lead_id uuid, outcome text, holder_lead_id uuid)
language sql
set search_path from current
as $$
  select *
  from complete_routings(
    array[p_org_id], array[p_lead_id], p_token, array[p_workspace_id], array[p_rule_id],
    array[p_rule_version], array[p_record], array[p_offer],
    array[p_attempt_traceparent],
    array_fill(p_org_id, array[cardinality(p_hashes)]),
    array_fill(p_lead_id, array[cardinality(p_hashes)]),
    p_hashes, p_dedupe_seconds, p_now);
$$;
