-- Which conversations that come as 'truncated_20' have a message that a pull read before, when it
-- read all up to there: nothing is missing between the two.
-- For use by other functions, which have set the tenant the org.
create or replace function overlapping_conversations(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_conversations conversation_to_store[],
  p_conversation_ids uuid[],
  p_events event_to_store[]
) returns uuid[]
language sql
set search_path from current
as $$
  select coalesce(array_agg(distinct m.conversation_id), '{}')
  from unnest(p_events) as g
  join messenger_conversations m
    on m.org_id = p_org_ids[g.conversation_position]
    and m.conversation_id = p_conversation_ids[g.conversation_position]
  join contact_interaction_events e
    on e.org_id = p_org_ids[g.conversation_position]
    and e.scope = p_page_ids[g.conversation_position]::text
    and e.message_id = g.message_id
  where (p_conversations[g.conversation_position]).completeness = 'truncated_20'
    and m.completeness in ('full', 'to_overlap')
    and e.seen_by_pull;
$$;
