-- Creates a workspace. Returns it; the same request id returns what it made before.
-- Raises WB005 REQUEST_ID_REUSED.
create or replace function create_workspace(
  p_org_id uuid,
  p_workspace_id uuid,
  p_name text,
  p_offer_policy text,
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
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  insert into workspaces (org_id, workspace_id, name, offer_policy, created_at, trace_id)
  values (p_org_id, p_workspace_id, p_name, p_offer_policy, p_now, substr(p_traceparent, 4, 32));
  return finish_request(p_org_id, p_request_id, jsonb_build_object(
    'workspace_id', p_workspace_id, 'name', p_name, 'offer_policy', p_offer_policy,
    'created_at', p_now));
end;
$$;
