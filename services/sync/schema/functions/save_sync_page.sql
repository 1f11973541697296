-- Stores what one call brought and how far the session came, in one transaction: fenced by the
-- lease, and only where the session still stands at p_version. Events name their conversation by
-- its position in the arrays (see bulk_upsert_conversations_with_events). Threads of the list that
-- were read are kept with their updated_time; what was read once is not owed again at the same one.
-- Lengthens the lease.
-- Raises WB108 SYNC_LEASE_LOST; then nothing was stored.
create or replace function save_sync_page(
  p_org_id uuid,
  p_session_id uuid,
  p_token uuid,
  p_version int,
  p_phase text,
  p_position jsonb,
  p_lease_seconds double precision,
  p_conversation_ids uuid[],
  p_contact_external_ids text[],
  p_thread_ids text[],
  p_contact_names text[],
  p_listed_ats timestamptz[],
  p_message_counts int[],
  p_completenesses text[],
  p_events_of int[],
  p_event_ids uuid[],
  p_types text[],
  p_directions text[],
  p_actors text[],
  p_targets text[],
  p_message_ids text[],
  p_occurred_ats timestamptz[],
  p_content_hashes text[],
  p_content_ats timestamptz[],
  p_texts text[],
  p_payloads jsonb[],
  p_read_thread_ids text[],
  p_read_updated_ats timestamptz[],
  p_read_owes_messages boolean[],
  p_reject_kinds text[],
  p_reject_reasons text[],
  p_reject_hashes text[],
  p_reject_raws json[],
  p_now timestamptz default now()
) returns table (version int, conversations_new int, messages_new int)
language plpgsql
set search_path from current
as $$
declare
  v_session sync_state;
  v_conversations_new int;
  v_messages_new int;
begin
  perform set_tenant(array[p_org_id]);
  select * into v_session from sync_state s
  where s.org_id = p_org_id and s.session_id = p_session_id;
  perform hold_sync_lock(p_org_id, v_session.page_id, p_session_id, p_token, p_lease_seconds, p_now);

  select count(distinct b.conversation_id) filter (where b.conversation_created),
    count(*) filter (where b.outcome = 'stored')
  into v_conversations_new, v_messages_new
  from bulk_upsert_conversations_with_events(
    array_fill(p_org_id, array[cardinality(p_conversation_ids)]),
    array_fill(v_session.page_id, array[cardinality(p_conversation_ids)]),
    p_conversation_ids, p_contact_external_ids, p_thread_ids, p_contact_names, p_listed_ats,
    p_message_counts, p_completenesses,
    array_fill(v_session.traceparent::text, array[cardinality(p_conversation_ids)]),
    p_events_of, p_event_ids, p_types, p_directions, p_actors, p_targets, p_message_ids,
    p_occurred_ats, p_content_hashes, p_content_ats, p_texts, p_payloads,
    array_fill('pull'::text, array[cardinality(p_event_ids)]), p_now) b;
  insert into listed_threads as t (org_id, page_id, thread_id, updated_at, owes_messages)
  select distinct on (r.thread_id) p_org_id, v_session.page_id, r.thread_id, r.updated_at,
    r.owes_messages
  from unnest(p_read_thread_ids, p_read_updated_ats, p_read_owes_messages)
    as r (thread_id, updated_at, owes_messages)
  order by r.thread_id, r.updated_at desc, r.owes_messages
  on conflict (org_id, page_id, thread_id) do update
  set updated_at = excluded.updated_at,
      owes_messages = excluded.owes_messages
        and (excluded.updated_at > t.updated_at or t.owes_messages)
  where excluded.updated_at > t.updated_at
    or (excluded.updated_at = t.updated_at and t.owes_messages and not excluded.owes_messages);
  perform keep_rejects(
    array_fill(p_org_id, array[cardinality(p_reject_kinds)]),
    array_fill(v_session.page_id, array[cardinality(p_reject_kinds)]),
    array_fill('pull'::text, array[cardinality(p_reject_kinds)]),
    p_reject_kinds, p_reject_reasons, p_reject_hashes, p_reject_raws,
    array_fill(v_session.traceparent::text, array[cardinality(p_reject_kinds)]), p_now);

  update sync_state s
  set version = s.version + 1,
      phase = p_phase,
      position = p_position,
      calls = s.calls + 1,
      conversations_seen = s.conversations_seen + cardinality(p_conversation_ids),
      conversations_new = s.conversations_new + v_conversations_new,
      messages_seen = s.messages_seen + cardinality(p_event_ids),
      messages_new = s.messages_new + v_messages_new,
      rejected = s.rejected + cardinality(p_reject_kinds),
      updated_at = p_now,
      due_at = case when s.mode <> 'manual'
        then p_now + make_interval(secs => p_lease_seconds) end
  where s.org_id = p_org_id and s.session_id = p_session_id and s.version = p_version
    and s.status = 'running';
  if not found then
    perform refuse(108, 'The session went on without this worker; nothing was changed.',
      jsonb_build_object('session_id', p_session_id));
  end if;
  update sync_runs r
  set calls = r.calls + 1
  where r.org_id = p_org_id and r.run_id = p_token;
  return query select p_version + 1, v_conversations_new, v_messages_new;
end;
$$;
