-- Keeps a rule as it stands now as a version of its own, and answers it. Inside the transaction
-- of `create_rule` and `update_rule`.
create or replace function publish_rule(p_rule rules) returns jsonb
language plpgsql
set search_path from current
as $$
begin
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
