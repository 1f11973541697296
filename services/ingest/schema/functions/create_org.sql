-- Creates an org and its source of kind 'api'. Returns {org_id, source_id}; the same request id returns
-- the same ones. Raises WB005 REQUEST_ID_REUSED.
create or replace function create_org(
  p_org_id uuid,
  p_source_id uuid,
  p_name text,
  p_default_region text,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  -- An operator's request belongs to no org.
  c_no_org constant uuid := '00000000-0000-0000-0000-000000000000';
  v_answer jsonb;
begin
  perform set_tenant(array[p_org_id, c_no_org], null, p_traceparent);
  v_answer := begin_request(c_no_org, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  insert into orgs (org_id, name, default_region, created_at, trace_id)
  values (p_org_id, p_name, p_default_region, p_now, substr(p_traceparent, 4, 32));
  insert into sources
    (org_id, source_id, kind, external_id, name, default_region, created_at, trace_id)
  values
    (p_org_id, p_source_id, 'api', 'api', 'API', p_default_region, p_now,
     substr(p_traceparent, 4, 32));
  return finish_request(c_no_org, p_request_id,
    jsonb_build_object('org_id', p_org_id, 'source_id', p_source_id));
end;
$$;
