-- Makes a background session, due at once; one that waits for its caller is superseded.
-- Raises WB100 SYNC_IN_PROGRESS, WB101 PAGE_NOT_FOUND, WB103 PAGE_TOKEN_DEAD.
create or replace function schedule_sync(
  p_org_id uuid,
  p_page_id uuid,
  p_session_id uuid,
  p_mode text,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  perform require_syncable_page(p_org_id, p_page_id, null);
  perform from pages p where p.org_id = p_org_id and p.page_id = p_page_id for update;
  if exists (
      select from sync_locks l
      where l.org_id = p_org_id and l.page_id = p_page_id
        and l.expires_at > p_now) -- not a fence: sync_state has a unique index of open sessions
    or exists (
      select from sync_state s
      where s.org_id = p_org_id and s.page_id = p_page_id and s.status in ('running', 'paused')
        and s.mode <> 'manual') then
    perform refuse_sync_in_progress(p_org_id, p_page_id, p_now);
  end if;
  update sync_state s
  set status = 'superseded', ended_at = p_now, due_at = null, updated_at = p_now
  where s.org_id = p_org_id and s.page_id = p_page_id and s.status in ('running', 'paused');
  insert into sync_state (org_id, session_id, page_id, mode, status, phase, position, due_at,
    started_at, updated_at, trace_id, traceparent)
  values (p_org_id, p_session_id, p_page_id, p_mode, 'paused', 'list', '{}', p_now, p_now, p_now,
    substr(p_traceparent, 4, 32), p_traceparent);
end;
$$;
