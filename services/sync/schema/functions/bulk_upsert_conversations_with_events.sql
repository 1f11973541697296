-- Stores conversations with their events, in one transaction. The same conversation or event may
-- come any number of times, in any order, from webhooks and pulls: the rows end alike, because each
-- column keeps the greatest of what was told, or what was told with the newest listed_at
-- (conversations) or content_at (events). Of two pulls at one listed_at the one that knows of more
-- messages decides on completeness, then the better one. A conversation's version grows by one for each call that
-- changes it or adds to it.
--
-- Conversations come as parallel arrays; a completeness of null leaves it as it is, and
-- 'truncated_20' becomes 'to_overlap' where the messages meet those of a pull that was complete.
-- Events name their conversation by its position, from 1; an event without message_id is known by
-- what, who, about what, when and content. The trace is its conversation's.
--
-- Returns a row for each conversation without events (event_id null) and each event: outcome
-- 'stored', 'merged' (known, and something new was learned) or 'duplicate'.
-- The single form is upsert_conversation_with_events.
create or replace function bulk_upsert_conversations_with_events(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_conversation_ids uuid[],
  p_contact_external_ids text[],
  p_thread_ids text[],
  p_contact_names text[],
  p_listed_ats timestamptz[],
  p_message_counts int[],
  p_completenesses text[],
  p_traceparents text[],
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
  p_origins text[],
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
  v_versions int[];
  v_are_created boolean[];
  v_ranks constant text[] := array['partial', 'truncated_20', 'to_overlap', 'full'];
begin
  -- Nothing to store must not narrow what the caller's transaction sees to no org at all.
  if cardinality(p_org_ids) = 0 then
    return;
  end if;
  perform set_tenant(p_org_ids);

  with created as (
    insert into messenger_conversations as m (org_id, conversation_id, page_id,
      contact_external_id, active_at, created_at, trace_id)
    select c.org_id, (array_agg(c.conversation_id order by c.position))[1], c.page_id, c.contact,
      '-infinity', p_now, substr((array_agg(c.traceparent order by c.position))[1], 4, 32)
    from unnest(p_org_ids, p_page_ids, p_conversation_ids, p_contact_external_ids, p_traceparents)
      with ordinality as c (org_id, page_id, conversation_id, contact, traceparent, position)
    group by c.org_id, c.page_id, c.contact
    order by c.org_id, c.page_id, c.contact
    on conflict (org_id, page_id, contact_external_id) do nothing
    returning m.conversation_id
  )
  select coalesce(array_agg(d.conversation_id), '{}') into v_created from created d;

  -- In one order for everybody, so that two batches wait for each other and never in a circle.
  with locked as (
    select m.org_id, m.page_id, m.contact_external_id, m.conversation_id
    from messenger_conversations m
    where (m.org_id, m.page_id, m.contact_external_id) in (
      select * from unnest(p_org_ids, p_page_ids, p_contact_external_ids))
    order by m.org_id, m.page_id, m.contact_external_id
    for update
  )
  select coalesce(array_agg(l.conversation_id order by c.position), '{}') into v_ids
  from unnest(p_org_ids, p_page_ids, p_contact_external_ids) with ordinality
    as c (org_id, page_id, contact, position)
  join locked l
    on l.org_id = c.org_id and l.page_id = c.page_id and l.contact_external_id = c.contact;

  select coalesce(array_agg(distinct m.conversation_id), '{}') into v_overlapping
  from unnest(p_events_of, p_message_ids) as g (of, message_id)
  join messenger_conversations m
    on m.org_id = p_org_ids[g.of] and m.conversation_id = v_ids[g.of]
  join contact_interaction_events e
    on e.org_id = p_org_ids[g.of] and e.scope = p_page_ids[g.of]::text
    and e.message_id = g.message_id
  where p_completenesses[g.of] = 'truncated_20' and m.completeness in ('full', 'to_overlap')
    and e.seen_by_pull;

  with written as (
    insert into contact_interaction_events as e (org_id, event_id, scope, page_id, conversation_id,
      type, direction, actor, target, message_id, occurred_at, content_hash, content_at, text,
      payload, seen_by_webhook, seen_by_pull, created_at, trace_id)
    select distinct on (org_id, scope, message_id)
      g.org_id, g.event_id, g.scope, g.page_id, g.conversation_id, max(g.type) over w,
      g.direction, g.actor, g.target, g.message_id, max(g.occurred_at) over w, g.content_hash,
      g.content_at, g.text, g.payload, bool_or(g.origin = 'webhook') over w,
      bool_or(g.origin = 'pull') over w, p_now, substr(g.traceparent, 4, 32)
    from (
      select p_org_ids[u.of] as org_id, p_page_ids[u.of] as page_id,
        p_page_ids[u.of]::text collate "C" as scope, v_ids[u.of] as conversation_id,
        p_traceparents[u.of] as traceparent, u.*
      from unnest(p_events_of, p_event_ids, p_types, p_directions, p_actors, p_targets,
          p_message_ids, p_occurred_ats, p_content_hashes, p_content_ats, p_texts, p_payloads,
          p_origins)
        as u (of, event_id, type, direction, actor, target, message_id, occurred_at, content_hash,
          content_at, text, payload, origin)
      where u.message_id is not null) g
    window w as (partition by g.org_id, g.scope, g.message_id)
    order by g.org_id, g.scope, g.message_id, g.content_at desc, g.content_hash desc
    on conflict (org_id, scope, message_id) where message_id is not null do update
    set conversation_id = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.conversation_id else e.conversation_id end,
        direction = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.direction else e.direction end,
        actor = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.actor else e.actor end,
        target = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.target else e.target end,
        text = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.text else e.text end,
        payload = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.payload else e.payload end,
        content_hash = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.content_hash else e.content_hash end,
        content_at = case
          when (excluded.content_at, excluded.content_hash) > (e.content_at, e.content_hash)
            then excluded.content_at else e.content_at end,
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
  ), plain as (
    insert into contact_interaction_events as e (org_id, event_id, scope, page_id, conversation_id,
      type, direction, actor, target, occurred_at, content_hash, content_at, text, payload,
      seen_by_webhook, seen_by_pull, created_at, trace_id)
    select p_org_ids[u.of], u.event_id, p_page_ids[u.of]::text, p_page_ids[u.of], v_ids[u.of],
      u.type, u.direction, u.actor, u.target, u.occurred_at, u.content_hash, u.content_at, u.text,
      u.payload, u.origin = 'webhook', u.origin = 'pull', p_now,
      substr(p_traceparents[u.of], 4, 32)
    from unnest(p_events_of, p_event_ids, p_types, p_directions, p_actors, p_targets,
        p_message_ids, p_occurred_ats, p_content_hashes, p_content_ats, p_texts, p_payloads,
        p_origins)
      as u (of, event_id, type, direction, actor, target, message_id, occurred_at, content_hash,
        content_at, text, payload, origin)
    where u.message_id is null
    order by p_org_ids[u.of], p_page_ids[u.of], u.type, u.actor, u.target, u.occurred_at,
      u.content_hash
    on conflict (org_id, scope, type, actor, target, occurred_at, content_hash)
      where message_id is null do nothing
    returning e.event_id, e.conversation_id
  )
  select
    coalesce((select array_agg(w.event_id) from written w where w.is_new), '{}')
      || coalesce((select array_agg(p.event_id) from plain p), '{}'),
    coalesce((
      select array_agg(g.event_id)
      from written w
      join unnest(p_events_of, p_event_ids, p_message_ids) as g (of, event_id, message_id)
        on p_org_ids[g.of] = w.org_id and p_page_ids[g.of]::text = w.scope
        and g.message_id = w.message_id
      where not w.is_new), '{}'),
    coalesce((
      select array_agg(distinct c.conversation_id)
      from (select w.conversation_id from written w union select p.conversation_id from plain p) c),
      '{}')
  into v_stored, v_merged, v_changed;

  with told as (
    select v_ids[c.position] as conversation_id, c.org_id,
      max(c.listed_at) as listed_at,
      (array_agg(c.thread_id order by c.listed_at desc nulls last, c.thread_id desc nulls last))[1]
        as thread_id,
      (array_agg(c.name order by c.listed_at desc nulls last, c.name desc))[1] as name,
      (array_agg(c.message_count order by c.listed_at desc nulls last, c.message_count desc))[1]
        as message_count,
      (array_agg(c.completeness order by c.listed_at desc nulls last, c.message_count desc,
        array_position(v_ranks, c.completeness) desc nulls last))[1] as completeness
    from (
      select u.org_id, u.listed_at, u.thread_id, u.name, u.message_count, u.position,
        case
          when u.completeness = 'truncated_20' and v_ids[u.position] = any (v_overlapping)
            then 'to_overlap'
          else u.completeness end as completeness
      from unnest(p_org_ids, p_listed_ats, p_thread_ids, p_contact_names, p_message_counts,
          p_completenesses) with ordinality
        as u (org_id, listed_at, thread_id, name, message_count, completeness, position)) c
    group by 1, 2
  ), happened as (
    select v_ids[o.of] as conversation_id, max(o.occurred_at) as occurred_at
    from unnest(p_events_of, p_occurred_ats) as o (of, occurred_at)
    group by 1
  ), next as (
    select m.org_id, m.conversation_id,
      greatest(m.listed_at, t.listed_at) as listed_at,
      coalesce(case
        when (t.listed_at, coalesce(t.thread_id, '')) > (m.listed_at, coalesce(m.thread_id, ''))
          or m.listed_at is null then t.thread_id end, m.thread_id) as thread_id,
      case
        when t.listed_at is null then m.contact_name
        when m.listed_at is null or (t.listed_at, t.name) > (m.listed_at, m.contact_name) then t.name
        else m.contact_name end as contact_name,
      case
        when t.listed_at is null then m.message_count
        when m.listed_at is null
          or (t.listed_at, t.message_count) > (m.listed_at, m.message_count) then t.message_count
        else m.message_count end as message_count,
      case
        when t.completeness is null then m.completeness
        when m.listed_at is null
          or (t.listed_at, t.message_count, array_position(v_ranks, t.completeness))
            > (m.listed_at, m.message_count, array_position(v_ranks, m.completeness))
          then t.completeness
        else m.completeness end as completeness,
      greatest(m.active_at, t.listed_at, h.occurred_at) as active_at
    from told t
    join messenger_conversations m on m.org_id = t.org_id and m.conversation_id = t.conversation_id
    left join happened h on h.conversation_id = t.conversation_id
  )
  update messenger_conversations m
  set listed_at = n.listed_at,
      thread_id = n.thread_id,
      contact_name = n.contact_name,
      message_count = n.message_count,
      completeness = n.completeness,
      active_at = n.active_at,
      version = m.version + (not m.conversation_id = any (v_created))::int
  from next n
  where m.org_id = n.org_id and m.conversation_id = n.conversation_id
    and (m.conversation_id = any (v_changed)
      or (m.listed_at, m.thread_id, m.contact_name, m.message_count, m.completeness, m.active_at)
        is distinct from
        (n.listed_at, n.thread_id, n.contact_name, n.message_count, n.completeness, n.active_at));

  insert into sync_ledger as l (org_id, page_id, day, origin, received, stored, duplicate)
  select p_org_ids[g.of], p_page_ids[g.of], (p_now at time zone 'utc')::date, g.origin, count(*),
    count(s.event_id), count(*) - count(s.event_id)
  from unnest(p_events_of, p_event_ids, p_origins) as g (of, event_id, origin)
  left join unnest(v_stored) as s (event_id) on s.event_id = g.event_id
  group by 1, 2, 3, 4
  order by 1, 2, 3, 4
  on conflict (org_id, page_id, day, origin) do update
  set received = l.received + excluded.received,
      stored = l.stored + excluded.stored,
      duplicate = l.duplicate + excluded.duplicate;

  select array_agg(m.version order by c.position),
    array_agg(m.conversation_id = any (v_created) order by c.position)
  into v_versions, v_are_created
  from unnest(v_ids, p_org_ids) with ordinality as c (conversation_id, org_id, position)
  join messenger_conversations m
    on m.org_id = c.org_id and m.conversation_id = c.conversation_id;

  -- Grouped, not joined: of an array the planner expects ten rows, and would compare each of a
  -- thousand events with each of a thousand outcomes.
  return query
  select e.event_id,
    case when e.event_id is not null then
      (array['duplicate', 'merged', 'stored'])[max(e.rank)] end,
    v_ids[max(e.of)], v_are_created[max(e.of)], v_versions[max(e.of)]
  from (
    select g.event_id, g.of, 1 as rank, g.position
    from unnest(p_events_of, p_event_ids) with ordinality as g (of, event_id, position)
    union all
    select d.event_id, null, 2, null from unnest(v_merged) as d (event_id)
    union all
    select s.event_id, null, 3, null from unnest(v_stored) as s (event_id)
    union all
    select null, c.position, null, null
    from (
      select generate_subscripts(v_ids, 1) as position
      except
      select unnest(p_events_of)) c
  ) e
  group by e.event_id, case when e.event_id is null then e.of end
  order by max(e.of), max(e.position);
end;
$$;
