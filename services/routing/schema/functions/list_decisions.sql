-- Every decision on a lead, oldest first; there are five at most.
create or replace function list_decisions(
  p_org_id uuid,
  p_lead_id uuid
) returns table (
  attempt int,
  outcome text,
  rule_id uuid,
  rule_version int,
  workspace_id uuid,
  candidates jsonb,
  decided_at timestamptz
)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select g.attempt, g.outcome, g.rule_id, g.rule_version, g.workspace_id, g.candidates,
    g.decided_at
  from lead_routing_logs g
  where g.org_id = p_org_id and g.lead_id = p_lead_id
  order by g.attempt;
end;
$$;
