-- Notes those of the attempts that had ended before, as the log says, for the trace of their leads:
-- parallel arrays, one element an attempt. For use by complete_routings and fail_routings (p_call),
-- which have set the tenant.
create or replace function note_repeated_attempts(
  p_call text,
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_attempt_traceparents text[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform note_repeats(p_call, array_agg(g.org_id), array_agg(g.lead_id::text),
    array_agg(g.trace_id::text), array_agg(substr(i.attempt_traceparent, 4, 32)), p_now)
  from unnest(p_org_ids, p_lead_ids, p_attempt_traceparents)
    as i (org_id, lead_id, attempt_traceparent)
  cross join lateral (
    select g.*
    from lead_routing_logs g
    where g.org_id = i.org_id
      and g.lead_id = i.lead_id
      and g.attempt_traceparent = i.attempt_traceparent -- fence: attempt
    limit 1
  ) g;
end;
$$;
