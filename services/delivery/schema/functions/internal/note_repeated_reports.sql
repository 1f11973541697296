-- Notes attempts that were reported before, by the same claim and with the same outcome, in their
-- traces. p_held_ids are not among them: deliveries that are reported now, under their lease. For
-- use by finish_deliveries, which has set the tenant.
create or replace function note_repeated_reports(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_held_ids uuid[],
  p_tokens uuid[],
  p_traceparents text[],
  p_attempt_org_ids uuid[],
  p_attempt_delivery_ids uuid[],
  p_attempt_ids uuid[],
  p_attempt_outcomes text[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform note_repeats('finish_deliveries', array_agg(t.org_id), array_agg(t.attempt_id::text),
    array_agg(t.trace_id::text), array_agg(substr(n.traceparent, 4, 32)), p_now)
  from unnest(p_attempt_org_ids, p_attempt_delivery_ids, p_attempt_ids, p_attempt_outcomes)
    as a (org_id, delivery_id, attempt_id, outcome)
  join unnest(p_org_ids, p_delivery_ids, p_tokens, p_traceparents)
    as n (org_id, delivery_id, token, traceparent) using (org_id, delivery_id)
  cross join lateral (
    select t.*
    from attempts t
    where t.org_id = a.org_id and t.attempt_id = a.attempt_id
      and t.claim_token = n.token -- fence: token
      and t.outcome = a.outcome -- fence: outcome
    limit 1
  ) t
  where a.delivery_id <> all (p_held_ids);
end;
$$;
