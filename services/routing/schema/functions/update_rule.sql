-- Publishes a new version of a rule and returns it; what is null stays as it is. Of two updates with
-- the same etag the second is refused.
-- Raises WB041 RULE_NOT_FOUND, WB010 ETAG_MISMATCH (with the current one), WB040
-- WORKSPACE_NOT_FOUND, WB044 TOO_MANY_RULES.
create or replace function update_rule(
  p_org_id uuid,
  p_rule_id uuid,
  p_etag text,
  p_workspace_id uuid,
  p_name text,
  p_priority int,
  p_condition text,
  p_enabled boolean,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_rule rules;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select * into v_rule
  from rules r
  where r.org_id = p_org_id and r.rule_id = p_rule_id
  for update;
  if not found then
    perform refuse(41, 'There is no such rule in this org.',
      jsonb_build_object('rule_id', p_rule_id));
  end if;
  if v_rule.version::text <> p_etag then -- fence: etag
    perform refuse(10, 'The rule was changed meanwhile. Read it again.',
      jsonb_build_object('etag', v_rule.version::text));
  end if;
  perform refuse_unknown_workspaces(
    array[p_org_id], array[coalesce(p_workspace_id, v_rule.workspace_id)]);
  update rules r
  set version = r.version + 1,
      workspace_id = coalesce(p_workspace_id, r.workspace_id),
      name = coalesce(p_name, r.name),
      priority = coalesce(p_priority, r.priority),
      condition = coalesce(p_condition, r.condition),
      enabled = coalesce(p_enabled, r.enabled),
      updated_at = p_now,
      trace_id = substr(p_traceparent, 4, 32)
  where r.org_id = p_org_id and r.rule_id = p_rule_id
  returning * into v_rule;
  return publish_rule(v_rule);
end;
$$;
