-- Notes repeats of create_leads_with_conversations among the leads that lost their lease: those whose
-- own attempt ended the item before. The caller has set the tenant.
create or replace function note_lost_leases(
  p_org_ids uuid[],
  p_item_ids uuid[],
  p_attempt_trace_ids text[],
  p_outcomes text[],
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform note_repeats('create_leads_with_conversations', array_agg(a.org_id),
    array_agg(a.item_id::text), array_agg(a.trace_id::text), array_agg(g.attempt_trace_id), p_now)
  from unnest(p_org_ids, p_item_ids, p_attempt_trace_ids, p_outcomes)
    as g (org_id, item_id, attempt_trace_id, outcome)
  cross join lateral (
    select a.*
    from item_attempts a
    where a.org_id = g.org_id
      and a.item_id = g.item_id
      and a.attempt_trace_id = g.attempt_trace_id -- fence: attempt
    limit 1
  ) a
  where g.outcome = 'lease_lost';
end;
$$;
