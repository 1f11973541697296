-- Keeps a rule as it is now as a version of its own, and returns it. For use by create_rule and
-- update_rule, in their transaction. Every enabled rule costs each of the org's leads time, so an org
-- has at most 100 of them. Raises WB044 TOO_MANY_RULES.
create or replace function publish_rule(p_rule rules) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  c_enabled_max constant int := 100;
begin
  if p_rule.enabled then
    -- One after the other, so that each counts those before it.
    perform pg_advisory_xact_lock(hashtextextended('routing.rules ' || p_rule.org_id, 0)); -- fence: enabled rules
    if (select count(*) from rules r where r.org_id = p_rule.org_id and r.enabled)
        > c_enabled_max then
      perform refuse(44, 'The org has as many enabled rules as it may. Disable one first.',
        jsonb_build_object('enabled_max', c_enabled_max));
    end if;
  end if;
  insert into rule_versions (org_id, rule_id, version, workspace_id, name, priority, condition,
    enabled, published_at, trace_id)
  values (p_rule.org_id, p_rule.rule_id, p_rule.version, p_rule.workspace_id, p_rule.name,
    p_rule.priority, p_rule.condition, p_rule.enabled, p_rule.updated_at, p_rule.trace_id);
  return jsonb_build_object(
    'rule_id', p_rule.rule_id, 'version', p_rule.version, 'workspace_id', p_rule.workspace_id,
    'name', p_rule.name, 'priority', p_rule.priority, 'condition', p_rule.condition,
    'enabled', p_rule.enabled);
end;
$$;
