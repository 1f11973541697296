-- Raises WB100 SYNC_IN_PROGRESS with what is known of the sync in progress.
-- For use by other functions, which have set the tenant the org.
create or replace function refuse_sync_in_progress(
  p_org_id uuid,
  p_page_id uuid,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_known jsonb;
begin
  select jsonb_strip_nulls(jsonb_build_object(
      'page_id', p_page_id,
      'since', coalesce(l.locked_at, s.started_at),
      'expires_at', l.expires_at,
      'session_id', s.session_id,
      'mode', s.mode,
      'phase', s.phase,
      'calls', s.calls,
      'conversations_seen', s.conversations_seen,
      'messages_seen', s.messages_seen,
      'retry_at', coalesce(l.expires_at, s.due_at, p_now + interval '30 seconds')))
  into v_known
  from pages p
  left join sync_locks l
    on l.org_id = p.org_id and l.page_id = p.page_id
    and l.expires_at > p_now -- not a fence: the message only
  left join sync_state s
    on s.org_id = p.org_id and s.page_id = p.page_id and s.status in ('running', 'paused')
  where p.org_id = p_org_id and p.page_id = p_page_id;
  perform refuse(100, 'Sync already in progress for this page. Please wait for it to complete.',
    v_known);
end;
$$;
