-- Begins a stretch of work on a session, under the lease that p_token holds, and marks it running; a
-- background session is due again at the lease's end, in case the holder is gone by then.
-- For use by other functions, which have set the tenant the org.
create or replace function begin_sync_run(
  p_org_id uuid,
  p_session_id uuid,
  p_token uuid,
  p_locked_by text,
  p_lease_seconds double precision,
  p_attempt_trace_id text,
  p_now timestamptz
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
set search_path from current
as $$
declare
  v_number int;
  v_updated_at timestamptz;
begin
  select s.updated_at into v_updated_at
  from sync_state s where s.org_id = p_org_id and s.session_id = p_session_id;
  update sync_state s
  set status = 'running',
      updated_at = p_now,
      due_at = case when s.mode <> 'manual'
        then p_now + make_interval(secs => p_lease_seconds) end
  where s.org_id = p_org_id and s.session_id = p_session_id;
  select coalesce(max(r.number), 0) + 1 into v_number
  from sync_runs r
  where r.org_id = p_org_id and r.session_id = p_session_id;
  insert into sync_runs (org_id, run_id, session_id, page_id, number, locked_by, started_at,
    trace_id, attempt_trace_id)
  select s.org_id, p_token, s.session_id, s.page_id, v_number, p_locked_by, p_now, s.trace_id,
    coalesce(p_attempt_trace_id, s.trace_id)
  from sync_state s
  where s.org_id = p_org_id and s.session_id = p_session_id;
  return query
  select s.org_id, s.session_id, s.page_id, p.platform, p.facebook_page_id, p.external_app_id,
    p.access_token_ciphertext, s.mode, s.version, s.phase, s.position, p.watermark_at, s.failures,
    v_number, v_updated_at, s.traceparent::text, s.tracestate
  from sync_state s
  join pages p on p.org_id = s.org_id and p.page_id = s.page_id
  where s.org_id = p_org_id and s.session_id = p_session_id;
end;
$$;
