-- Creates an endpoint with its sealed signing secret, and wakes deliveries that wait for an
-- endpoint. Returns the endpoint and the sealed secret; the same request id returns what it
-- returned the first time. Raises WB040 WORKSPACE_NOT_FOUND, WB005 REQUEST_ID_REUSED.
create or replace function create_endpoint(
  p_org_id uuid,
  p_endpoint_id uuid,
  p_workspace_id uuid,
  p_url text,
  p_secret_id uuid,
  p_ciphertext bytea,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (
  endpoint_id uuid,
  workspace_id uuid,
  url text,
  status text,
  disabled_reason text,
  created_at timestamptz,
  secret_id uuid,
  ciphertext bytea
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_answer jsonb;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is null then
    perform lock_accounts(array[p_org_id], array[p_workspace_id]);
    if not exists (
      select from workspaces where org_id = p_org_id and workspace_id = p_workspace_id) then
      perform refuse(40, 'There is no such workspace.',
        jsonb_build_object('workspace_id', p_workspace_id));
    end if;
    insert into endpoints
      (org_id, endpoint_id, workspace_id, url, created_at, updated_at, trace_id)
    values (p_org_id, p_endpoint_id, p_workspace_id, p_url, p_now, p_now,
      substr(p_traceparent, 4, 32));
    insert into endpoint_secrets
      (org_id, endpoint_id, secret_id, workspace_id, ciphertext, created_at, trace_id)
    values (p_org_id, p_endpoint_id, p_secret_id, p_workspace_id, p_ciphertext, p_now,
      substr(p_traceparent, 4, 32));
    perform wake_deliveries(array[p_org_id], array[p_workspace_id], 'endpoint', p_now);
    v_answer := jsonb_build_object('endpoint_id', p_endpoint_id, 'workspace_id', p_workspace_id,
      'url', p_url, 'status', 'active', 'created_at', p_now, 'secret_id', p_secret_id);
    perform finish_request(p_org_id, p_request_id, v_answer);
  end if;
  return query
  select a.*, s.ciphertext
  from jsonb_to_record(v_answer) as a (endpoint_id uuid, workspace_id uuid, url text, status text,
    disabled_reason text, created_at timestamptz, secret_id uuid)
  join endpoint_secrets s
    on s.org_id = p_org_id and s.endpoint_id = a.endpoint_id and s.secret_id = a.secret_id;
end;
$$;
