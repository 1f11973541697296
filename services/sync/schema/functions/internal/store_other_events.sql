-- Stores events without a message_id, each once by its type, actor, target, time and content.
--   - Returns those that were 'stored', with their conversation.
-- For use by other functions, which have set the tenant the org.
create or replace function store_other_events(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_conversation_ids uuid[],
  p_traceparents text[],
  p_events event_to_store[],
  p_origin text,
  p_now timestamptz
) returns table (event_id uuid, outcome text, conversation_id uuid)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  return query
  with written as (
    insert into contact_interaction_events as e (org_id, event_id, scope, page_id, conversation_id,
      type, direction, actor, target, occurred_at, content_hash, content_at, text, payload,
      seen_by_webhook, seen_by_pull, created_at, trace_id)
    select g.org_id, g.event_id, g.page_id::text, g.page_id, g.conversation_id, g.type, g.direction,
      g.actor, g.target, g.occurred_at, g.content_hash, g.content_at, g.text, g.payload,
      p_origin = 'webhook', p_origin = 'pull', p_now, substr(g.traceparent, 4, 32)
    from (
      select u.*, p_org_ids[u.conversation_position] as org_id,
        p_page_ids[u.conversation_position] as page_id,
        p_conversation_ids[u.conversation_position] as conversation_id,
        p_traceparents[u.conversation_position] as traceparent
      from unnest(p_events) as u
      where u.message_id is null) g
    order by g.org_id, g.page_id, g.type, g.actor, g.target, g.occurred_at, g.content_hash
    on conflict (org_id, scope, type, actor, target, occurred_at, content_hash)
      where message_id is null do nothing
    returning e.event_id, e.conversation_id
  )
  select w.event_id, 'stored', w.conversation_id from written w;
end;
$$;
