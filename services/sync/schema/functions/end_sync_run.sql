-- Ends a stretch of work on a session and releases the lease.
--   - p_status is 'paused' (a background session continues after p_due_seconds), 'completed' or
--     'failed'.
--   - p_watermark_at: everything of the page before it is proven to be read (null: nothing is).
--   - p_token_status: the state of the page's token (null: as it was).
--   - Returns when the session continues, on the database's clock.
--   - Raises WB108 SYNC_LEASE_LOST.
create or replace function end_sync_run(
  p_org_id uuid,
  p_session_id uuid,
  p_token uuid,
  p_version int,
  p_status text,
  p_outcome text,
  p_error text,
  p_failures int,
  p_due_seconds double precision,
  p_completeness text,
  p_watermark_at timestamptz,
  p_token_status text,
  p_now timestamptz default now()
) returns timestamptz
language plpgsql
set search_path from current
as $$
declare
  v_session sync_state;
  v_due_at timestamptz := p_now + make_interval(secs => p_due_seconds);
begin
  perform set_tenant(array[p_org_id]);
  select * into v_session from sync_state s
  where s.org_id = p_org_id and s.session_id = p_session_id;
  perform hold_sync_lock(p_org_id, v_session.page_id, p_session_id, p_token, 0, p_now);
  update sync_state s
  set status = p_status,
      phase = case p_status when 'completed' then 'done' else s.phase end,
      error = p_error,
      failures = p_failures,
      completeness = p_completeness,
      due_at = case when p_status = 'paused' and s.mode <> 'manual' then v_due_at end,
      ended_at = case when p_status <> 'paused' then p_now end,
      updated_at = p_now
  where s.org_id = p_org_id and s.session_id = p_session_id and s.status = 'running'
    and s.version = p_version; -- fence: version
  if not found then
    perform refuse(108, 'The session went on without this worker; nothing was changed.',
      jsonb_build_object('session_id', p_session_id));
  end if;
  update sync_runs r
  set ended_at = p_now, outcome = p_outcome, error = p_error
  where r.org_id = p_org_id and r.run_id = p_token;
  update pages p
  set last_synced_at = case p_status when 'completed' then p_now else p.last_synced_at end,
      watermark_at = greatest(p.watermark_at, p_watermark_at),
      token_status = coalesce(p_token_status, p.token_status),
      token_error = case when p_token_status is null then p.token_error else p_error end,
      token_checked_at = case when p_token_status is null then p.token_checked_at else p_now end
  where p.org_id = p_org_id and p.page_id = v_session.page_id;
  perform release_sync_lock(p_org_id, v_session.page_id, p_token, p_now);
  return v_due_at;
end;
$$;
