-- The enabled rules of several orgs, each org's in the order in which they are tried: lower
-- priority first, then the older (rule ids sort by the time they were made).
create or replace function get_rule_sets(p_org_ids uuid[])
returns table (
  org_id uuid,
  rule_id uuid,
  version int,
  workspace_id uuid,
  condition text
)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids);
  return query
  select r.org_id, r.rule_id, r.version, r.workspace_id, r.condition
  from rules r
  where r.org_id = any (p_org_ids) and r.enabled
  order by r.org_id, r.priority, r.rule_id;
end;
$$;
