-- Stores events that have a message_id, each once by it.
--   - A column keeps what came with the newest content_at, of equal ones the greater hash; type and
--     occurred_at keep the greatest.
--   - Returns the events that were 'stored' (new) or 'merged' (known, and something new was
--     learned), with the conversation of the row.
-- For use by other functions, which have set the tenant the org.
create or replace function store_messages(
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
      type, direction, actor, target, message_id, occurred_at, content_hash, content_at, text,
      payload, seen_by_webhook, seen_by_pull, created_at, trace_id)
    select distinct on (org_id, scope, message_id)
      g.org_id, g.event_id, g.scope, g.page_id, g.conversation_id, max(g.type) over w,
      g.direction, g.actor, g.target, g.message_id, max(g.occurred_at) over w, g.content_hash,
      g.content_at, g.text, g.payload, p_origin = 'webhook', p_origin = 'pull', p_now,
      substr(g.traceparent, 4, 32)
    from (
      select u.*, p_org_ids[u.conversation_position] as org_id,
        p_page_ids[u.conversation_position] as page_id,
        p_page_ids[u.conversation_position]::text collate "C" as scope,
        p_conversation_ids[u.conversation_position] as conversation_id,
        p_traceparents[u.conversation_position] as traceparent
      from unnest(p_events) as u
      where u.message_id is not null) g
    window w as (partition by g.org_id, g.scope, g.message_id)
    order by g.org_id, g.scope, g.message_id, g.content_at desc, g.content_hash desc
    on conflict (org_id, scope, message_id) where message_id is not null do update
    set (conversation_id, direction, actor, target, text, payload, content_hash, content_at) = (
          select (n.newest).conversation_id, (n.newest).direction, (n.newest).actor,
            (n.newest).target, (n.newest).text, (n.newest).payload, (n.newest).content_hash,
            (n.newest).content_at
          from (
            select case
              when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
                then excluded else e end as newest
            offset 0) n),
        type = greatest(e.type, excluded.type),
        occurred_at = greatest(e.occurred_at, excluded.occurred_at),
        seen_by_webhook = e.seen_by_webhook or excluded.seen_by_webhook,
        seen_by_pull = e.seen_by_pull or excluded.seen_by_pull
    where (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
      or excluded.type > e.type
      or excluded.occurred_at > e.occurred_at
      or excluded.seen_by_webhook > e.seen_by_webhook
      or excluded.seen_by_pull > e.seen_by_pull
    returning e.event_id, e.conversation_id, e.xmax = 0 as is_new, e.org_id, e.scope, e.message_id
  )
  select w.event_id, 'stored', w.conversation_id from written w where w.is_new
  union all
  select g.event_id, 'merged', w.conversation_id
  from written w
  join unnest(p_events) as g
    on p_org_ids[g.conversation_position] = w.org_id
    and p_page_ids[g.conversation_position]::text = w.scope
    and g.message_id = w.message_id
  where not w.is_new;
end;
$$;
