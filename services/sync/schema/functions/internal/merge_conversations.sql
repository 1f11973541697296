-- Brings conversations up to what was reported of them.
--   - listed_at and active_at keep the greatest; thread, name, count and completeness come from the
--     newest listed_at.
--   - Of two pulls at one listed_at the one that knows of more messages decides on completeness,
--     then the better one. Null leaves it; 'truncated_20' becomes 'to_overlap' for the conversations
--     in p_overlapping.
--   - The version grows where a column changes or events came (p_changed), but not in the call that
--     created the conversation (p_created).
-- For use by other functions, which have set the tenant the org and hold the conversations' locks.
create or replace function merge_conversations(
  p_org_ids uuid[],
  p_conversations conversation_to_store[],
  p_conversation_ids uuid[],
  p_events event_to_store[],
  p_created uuid[],
  p_overlapping uuid[],
  p_changed uuid[]
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_ranks constant text[] := array['partial', 'truncated_20', 'to_overlap', 'full'];
begin
  with listed as (
    select c.id as conversation_id, c.org_id, max(c.listed_at) as listed_at,
      (array_agg(c.thread_id order by c.listed_at desc nulls last, c.thread_id desc nulls last))[1]
        as thread_id,
      (array_agg(c.contact_name order by c.listed_at desc nulls last, c.contact_name desc))[1]
        as contact_name,
      (array_agg(c.message_count order by c.listed_at desc nulls last, c.message_count desc))[1]
        as message_count,
      (array_agg(c.proven order by c.listed_at desc nulls last, c.message_count desc,
        array_position(v_ranks, c.proven) desc nulls last))[1] as completeness
    from (
      select u.*,
        case
          when u.completeness = 'truncated_20' and u.id = any (p_overlapping) then 'to_overlap'
          else u.completeness end as proven
      from unnest(p_org_ids, p_conversation_ids, p_conversations) as u (org_id, id)) c
    group by 1, 2
  ), happened as (
    select p_conversation_ids[g.conversation_position] as conversation_id,
      max(g.occurred_at) as occurred_at
    from unnest(p_events) as g
    group by 1
  ), next as (
    select m.org_id, m.conversation_id,
      greatest(m.listed_at, l.listed_at) as listed_at,
      coalesce(case
        when (l.listed_at, coalesce(l.thread_id, '')) > (m.listed_at, coalesce(m.thread_id, ''))
          or m.listed_at is null then l.thread_id end, m.thread_id) as thread_id,
      case
        when l.listed_at is null then m.contact_name
        when m.listed_at is null or (l.listed_at, l.contact_name) > (m.listed_at, m.contact_name)
          then l.contact_name
        else m.contact_name end as contact_name,
      case
        when l.listed_at is null then m.message_count
        when m.listed_at is null
          or (l.listed_at, l.message_count) > (m.listed_at, m.message_count) then l.message_count
        else m.message_count end as message_count,
      case
        when l.completeness is null then m.completeness
        when m.listed_at is null
          or (l.listed_at, l.message_count, array_position(v_ranks, l.completeness))
            > (m.listed_at, m.message_count, array_position(v_ranks, m.completeness))
          then l.completeness
        else m.completeness end as completeness,
      greatest(m.active_at, l.listed_at, h.occurred_at) as active_at
    from listed l
    join messenger_conversations m using (org_id, conversation_id)
    left join happened h using (conversation_id)
  )
  update messenger_conversations m
  set listed_at = n.listed_at,
      thread_id = n.thread_id,
      contact_name = n.contact_name,
      message_count = n.message_count,
      completeness = n.completeness,
      active_at = n.active_at,
      version = m.version + (not m.conversation_id = any (p_created))::int
  from next n
  where m.org_id = n.org_id and m.conversation_id = n.conversation_id
    and (m.conversation_id = any (p_changed)
      or (m.listed_at, m.thread_id, m.contact_name, m.message_count, m.completeness, m.active_at)
        is distinct from
        (n.listed_at, n.thread_id, n.contact_name, n.message_count, n.completeness, n.active_at));
end;
$$;
