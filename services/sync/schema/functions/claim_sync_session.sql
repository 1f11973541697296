-- runs as: system
-- Claims the session over all tenants that has been due longest, with the lease on its page; one
-- whose page another worker holds is due again at the end of that lease. Returns what
-- `begin_sync_run` returns, or no row.
create or replace function claim_sync_session(
  p_locked_by text,
  p_token uuid,
  p_lease_seconds double precision,
  p_attempt_trace_id text,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  session_id uuid,
  page_id uuid,
  platform text,
  facebook_page_id text,
  external_app_id text,
  access_token_ciphertext bytea,
  mode text,
  version int,
  phase text,
  "position" jsonb,
  watermark_at timestamptz,
  failures int,
  run_number int,
  updated_at timestamptz,
  traceparent text,
  tracestate text
)
language plpgsql
security definer
set search_path from current
as $$
declare
  v_session sync_state;
  v_lock record;
begin
  select * into v_session
  from sync_state s
  where s.due_at <= p_now
  order by s.due_at
  limit 1
  for update skip locked;
  if not found then
    return;
  end if;
  select * into v_lock
  from acquire_sync_lock(v_session.org_id, v_session.page_id, p_locked_by, p_token,
    p_lease_seconds, v_session.session_id, v_session.traceparent, p_now);
  if not v_lock.acquired then
    update sync_state s
    set due_at = v_lock.expires_at
    where s.org_id = v_session.org_id and s.session_id = v_session.session_id;
    return;
  end if;
  return query
  select * from begin_sync_run(v_session.org_id, v_session.session_id, p_token, p_locked_by,
    p_lease_seconds, p_attempt_trace_id, p_now);
end;
$$;
