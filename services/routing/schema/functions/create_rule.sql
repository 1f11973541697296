-- Creates a rule at version 1, enabled. Returns it; the same request id returns what it made before.
-- Raises WB005 REQUEST_ID_REUSED, WB040 WORKSPACE_NOT_FOUND, WB044 TOO_MANY_RULES.
create or replace function create_rule(
  p_org_id uuid,
  p_rule_id uuid,
  p_workspace_id uuid,
  p_name text,
  p_priority int,
  p_condition text,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_answer jsonb;
  v_rule rules;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  perform refuse_unknown_workspaces(array[p_org_id], array[p_workspace_id]);
  insert into rules (org_id, rule_id, version, workspace_id, name, priority, condition, enabled,
    created_at, updated_at, trace_id)
  values (p_org_id, p_rule_id, 1, p_workspace_id, p_name, p_priority, p_condition, true,
    p_now, p_now, substr(p_traceparent, 4, 32))
  returning * into v_rule;
  return finish_request(p_org_id, p_request_id, publish_rule(v_rule));
end;
$$;
