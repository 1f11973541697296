-- A page of the org's rules in the order in which they are tried, after the rule that
-- (p_after_priority, p_after_rule_id) names (nulls: from the start).
create or replace function list_rules(
  p_org_id uuid,
  p_limit int,
  p_after_priority int default null,
  p_after_rule_id uuid default null
) returns table (
  rule_id uuid,
  version int,
  workspace_id uuid,
  name text,
  priority int,
  condition text,
  enabled boolean
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select r.rule_id, r.version, r.workspace_id, r.name, r.priority, r.condition, r.enabled
  from rules r
  where r.org_id = p_org_id
    and (p_after_rule_id is null
      or (r.priority, r.rule_id) > (p_after_priority, p_after_rule_id))
  order by r.priority, r.rule_id
  limit p_limit;
end;
$$;
