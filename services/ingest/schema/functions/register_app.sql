-- Registers a Meta app, or adds a signing secret and a verify token to the one that is there.
--   - the ciphertexts are sealed under p_app_id, so a registered app must be found first (find_app);
--   - returns {app_id}; the same request id returns the same one;
--   - raises WB005 REQUEST_ID_REUSED, WB008 UNAVAILABLE when it was registered under another id just now.
create or replace function register_app(
  p_app_id uuid,
  p_external_app_id text,
  p_secret_id uuid,
  p_secret_ciphertext bytea,
  p_verify_token_id uuid,
  p_verify_token_ciphertext bytea,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  c_no_org constant uuid := '00000000-0000-0000-0000-000000000000';
  v_answer jsonb;
begin
  perform set_tenant(array[c_no_org], null, p_traceparent);
  v_answer := begin_request(c_no_org, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  insert into apps (app_id, external_app_id, created_at, trace_id)
  values (p_app_id, p_external_app_id, p_now, substr(p_traceparent, 4, 32))
  on conflict do nothing;
  if not exists (select from apps where app_id = p_app_id) then
    perform refuse(8, 'The app is being registered by another call. Try again.');
  end if;
  insert into app_secrets (app_id, secret_id, kind, ciphertext, created_at, trace_id)
  values
    (p_app_id, p_secret_id, 'signing', p_secret_ciphertext, p_now,
     substr(p_traceparent, 4, 32)),
    (p_app_id, p_verify_token_id, 'verify_token', p_verify_token_ciphertext, p_now,
     substr(p_traceparent, 4, 32));
  return finish_request(c_no_org, p_request_id, jsonb_build_object('app_id', p_app_id));
end;
$$;
