-- Starts a session of a page (p_resume_session null), or continues one, under a lease of its own.
-- A start supersedes a session that waits for its caller; a background session refuses it, between
-- its runs too. Returns what `begin_sync_run` returns.
-- Raises WB100 SYNC_IN_PROGRESS, WB101 PAGE_NOT_FOUND, WB102 PAGE_MISMATCH, WB103 PAGE_TOKEN_DEAD,
-- WB104 SYNC_SESSION_NOT_FOUND, WB105 SYNC_SESSION_FINISHED.
create or replace function start_sync(
  p_org_id uuid,
  p_page_id uuid,
  p_facebook_page_id text,
  p_resume_session uuid,
  p_session_id uuid,
  p_locked_by text,
  p_token uuid,
  p_lease_seconds double precision,
  p_traceparent text,
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
set search_path from current
as $$
#variable_conflict use_column
declare
  v_session sync_state;
  v_session_id uuid := coalesce(p_resume_session, p_session_id);
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  perform require_syncable_page(p_org_id, p_page_id, p_facebook_page_id);
  if p_resume_session is not null and not exists (
      select from sync_state s
      where s.org_id = p_org_id and s.session_id = p_resume_session and s.page_id = p_page_id) then
    perform refuse(104, 'There is no such sync session of this page. Start without resumeSession.',
      jsonb_build_object('session_id', p_resume_session));
  end if;
  if p_resume_session is null and exists (
      select from sync_state s
      where s.org_id = p_org_id and s.page_id = p_page_id and s.status in ('running', 'paused')
        and s.mode <> 'manual') then
    perform refuse_sync_in_progress(p_org_id, p_page_id, p_now);
  end if;
  if not (
      select l.acquired
      from acquire_sync_lock(p_org_id, p_page_id, p_locked_by, p_token, p_lease_seconds,
        v_session_id, p_traceparent, p_now) l) then
    perform refuse_sync_in_progress(p_org_id, p_page_id, p_now);
  end if;
  if p_resume_session is null then
    update sync_state s
    set status = 'superseded', ended_at = p_now, due_at = null, updated_at = p_now
    where s.org_id = p_org_id and s.page_id = p_page_id and s.status in ('running', 'paused')
      and s.mode = 'manual';
    insert into sync_state (org_id, session_id, page_id, mode, status, phase, position, started_at,
      updated_at, trace_id, traceparent)
    values (p_org_id, p_session_id, p_page_id, 'manual', 'running', 'list', '{}', p_now, p_now,
      substr(p_traceparent, 4, 32), p_traceparent)
    on conflict (org_id, page_id) where status in ('running', 'paused') do nothing;
    if not found then
      -- A background session was made in the meantime.
      perform refuse_sync_in_progress(p_org_id, p_page_id, p_now);
    end if;
  else
    -- Read under the lease: no other worker can end the session from here on.
    select * into v_session from sync_state s
    where s.org_id = p_org_id and s.session_id = p_resume_session
    for update;
    if v_session.status not in ('running', 'paused') then
      perform refuse(105, 'This sync session has ended. Start without resumeSession.',
        jsonb_build_object('session_id', p_resume_session, 'status', v_session.status));
    end if;
  end if;
  return query
  select * from begin_sync_run(p_org_id, v_session_id, p_token, p_locked_by, p_lease_seconds,
    substr(p_traceparent, 4, 32), p_now);
end;
$$;
