-- Connects a page, or gives one that is there (connected before, or known by its events) another
-- token; sessions that waited for a good token continue. Returns the page's id; the same request id
-- gets the same answer. Raises WB005 REQUEST_ID_REUSED.
create or replace function connect_page(
  p_org_id uuid,
  p_page_id uuid,
  p_platform text,
  p_facebook_page_id text,
  p_name text,
  p_external_app_id text,
  p_access_token_ciphertext bytea,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns uuid
language plpgsql
set search_path from current
as $$
declare
  v_answer jsonb;
  v_page_id uuid;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return (v_answer ->> 'page_id')::uuid;
  end if;
  insert into pages (org_id, page_id, platform, facebook_page_id, name, external_app_id,
    access_token_ciphertext, token_status, check_due_at, created_at, trace_id)
  values (p_org_id, p_page_id, p_platform, p_facebook_page_id, p_name, p_external_app_id,
    p_access_token_ciphertext, 'unknown', p_now, p_now, substr(p_traceparent, 4, 32))
  on conflict (org_id, platform, facebook_page_id) do update
  set name = excluded.name,
      external_app_id = excluded.external_app_id,
      access_token_ciphertext = excluded.access_token_ciphertext,
      token_status = 'unknown',
      token_error = null,
      check_due_at = p_now
  returning page_id into v_page_id;
  update sync_state s
  set due_at = p_now
  where s.org_id = p_org_id and s.page_id = v_page_id and s.status = 'paused'
    and s.mode <> 'manual' and s.due_at is null;
  perform finish_request(p_org_id, p_request_id, jsonb_build_object('page_id', v_page_id));
  return v_page_id;
end;
$$;
