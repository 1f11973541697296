-- Stores conversations with their events, in one transaction. The same conversation or event may
-- come any number of times, in any order, from webhooks and pulls: the rows end alike.
--   - p_org_ids, p_page_ids and p_traceparents belong to p_conversations, position by position; an
--     event names its conversation by that position, and has its trace.
--   - p_origin is 'webhook' or 'pull'.
--   - Each column keeps the greatest value, or that of the newest listed_at (conversations) or
--     content_at (events); see merge_conversations and store_messages.
--   - A conversation's version grows by one for each call that changes it or adds to it.
--   - Returns a row for each conversation without events (event_id null) and each event: outcome
--     'stored', 'merged' (known, and something new was learned) or 'duplicate'.
-- The single form is upsert_conversation_with_events.
create or replace function bulk_upsert_conversations_with_events(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_conversations conversation_to_store[],
  p_traceparents text[],
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
language plpgsql
set search_path from current
as $$
declare
  v_ids uuid[];
  v_created uuid[];
  v_overlapping uuid[];
  v_stored uuid[];
  v_merged uuid[];
  v_changed uuid[];
begin
  -- Nothing to store must not narrow what the caller's transaction sees to no org at all.
  if cardinality(p_org_ids) = 0 then
    return;
  end if;
  perform set_tenant(p_org_ids);
  select l.ids, l.created into v_ids, v_created
  from lock_conversations(p_org_ids, p_page_ids, p_conversations, p_traceparents, p_now) l;
  v_overlapping := overlapping_conversations(p_org_ids, p_page_ids, p_conversations, v_ids,
    p_events);
  select coalesce(array_agg(s.event_id) filter (where s.outcome = 'stored'), '{}'),
    coalesce(array_agg(s.event_id) filter (where s.outcome = 'merged'), '{}'),
    coalesce(array_agg(distinct s.conversation_id), '{}')
  into v_stored, v_merged, v_changed
  from (
    select * from store_messages(p_org_ids, p_page_ids, v_ids, p_traceparents, p_events, p_origin,
      p_now)
    union all
    select * from store_other_events(p_org_ids, p_page_ids, v_ids, p_traceparents, p_events,
      p_origin, p_now)) s;
  perform merge_conversations(p_org_ids, p_conversations, v_ids, p_events, v_created,
    v_overlapping, v_changed);
  perform count_events(p_org_ids, p_page_ids, p_events, v_stored, p_origin, p_now);
  return query
  select * from upsert_outcomes(p_org_ids, v_ids, v_created, p_events, v_stored, v_merged);
end;
$$;
