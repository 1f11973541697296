-- Stores one conversation with its events; see bulk_upsert_conversations_with_events. Events name
-- their conversation by 1.
create or replace function upsert_conversation_with_events(
  p_org_id uuid,
  p_page_id uuid,
  p_conversation conversation_to_store,
  p_traceparent text,
  p_events event_to_store[],
  p_origin text,
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
  from bulk_upsert_conversations_with_events(array[p_org_id], array[p_page_id],
    array[p_conversation], array[p_traceparent], p_events, p_origin, p_now);
$$;
