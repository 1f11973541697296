-- Stores what one call brought and how far the session came, in one transaction: fenced by the
-- lease, and only where the session still stands at p_version.
--   - Conversations and events: see bulk_upsert_conversations_with_events.
--   - Threads of the list: see save_threads_read. Rejects: see keep_rejects.
--   - Lengthens the lease.
--   - Returns the session's new version, and how many rows were new.
--   - Raises WB108 SYNC_LEASE_LOST; then nothing was stored.
create or replace function save_sync_page(
  p_org_id uuid,
  p_session_id uuid,
  p_token uuid,
  p_version int,
  p_phase text,
  p_position jsonb,
  p_lease_seconds double precision,
  p_conversations conversation_to_store[],
  p_events event_to_store[],
  p_threads thread_read[],
  p_rejects reject_to_store[],
  p_now timestamptz default now()
) returns table (version int, conversations_new int, messages_new int)
language plpgsql
set search_path from current
as $$
declare
  v_session sync_state;
begin
  perform set_tenant(array[p_org_id]);
  select * into v_session from sync_state s
  where s.org_id = p_org_id and s.session_id = p_session_id;
  perform hold_sync_lock(p_org_id, v_session.page_id, p_session_id, p_token, p_lease_seconds, p_now);

  select count(distinct b.conversation_id) filter (where b.conversation_created),
    count(*) filter (where b.outcome = 'stored')
  into conversations_new, messages_new
  from bulk_upsert_conversations_with_events(
    array_fill(p_org_id, array[cardinality(p_conversations)]),
    array_fill(v_session.page_id, array[cardinality(p_conversations)]), p_conversations,
    array_fill(v_session.traceparent::text, array[cardinality(p_conversations)]), p_events, 'pull',
    p_now) b;
  perform save_threads_read(p_org_id, v_session.page_id, p_threads);
  perform keep_rejects(array_fill(p_org_id, array[cardinality(p_rejects)]),
    array_fill(v_session.page_id, array[cardinality(p_rejects)]), p_rejects,
    array_fill(v_session.traceparent::text, array[cardinality(p_rejects)]), 'pull', p_now);

  update sync_state s
  set version = s.version + 1,
      phase = p_phase,
      position = p_position,
      calls = s.calls + 1,
      conversations_seen = s.conversations_seen + cardinality(p_conversations),
      conversations_new = s.conversations_new + save_sync_page.conversations_new,
      messages_seen = s.messages_seen + cardinality(p_events),
      messages_new = s.messages_new + save_sync_page.messages_new,
      rejected = s.rejected + cardinality(p_rejects),
      updated_at = p_now,
      due_at = case when s.mode <> 'manual'
        then p_now + make_interval(secs => p_lease_seconds) end
  where s.org_id = p_org_id and s.session_id = p_session_id and s.status = 'running'
    and s.version = p_version -- fence: version
  returning s.version into version;
  if not found then
    perform refuse(108, 'The session went on without this worker; nothing was changed.',
      jsonb_build_object('session_id', p_session_id));
  end if;
  update sync_runs r
  set calls = r.calls + 1
  where r.org_id = p_org_id and r.run_id = p_token;
  return next;
end;
$$;
