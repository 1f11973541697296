-- Stores one conversation with its events; see bulk_upsert_conversations_with_events.
create or replace function upsert_conversation_with_events(
  p_org_id uuid,
  p_page_id uuid,
  p_conversation_id uuid,
  p_contact_external_id text,
  p_thread_id text,
  p_contact_name text,
  p_listed_at timestamptz,
  p_message_count int,
  p_completeness text,
  p_traceparent text,
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
  p_origins text[],
  p_now timestamptz default now()
) returns table (
  event_id uuid,
  outcome text,
  conversation_id uuid,
  conversation_created boolean,
  version int
)
language sql
set search_path from current
as $$
  select *
  from bulk_upsert_conversations_with_events(
    array[p_org_id], array[p_page_id], array[p_conversation_id], array[p_contact_external_id],
    array[p_thread_id], array[p_contact_name], array[p_listed_at], array[p_message_count],
    array[p_completeness], array[p_traceparent],
    array_fill(1, array[cardinality(p_event_ids)]), p_event_ids, p_types, p_directions, p_actors,
    p_targets, p_message_ids, p_occurred_ats, p_content_hashes, p_content_ats, p_texts,
    p_payloads, p_origins, p_now);
$$;
