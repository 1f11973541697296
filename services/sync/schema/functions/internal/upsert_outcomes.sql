-- What bulk_upsert_conversations_with_events returns: a row for each event, and for each
-- conversation without events, in the order in which they came.
-- For use by other functions, which have set the tenant the org.
create or replace function upsert_outcomes(
  p_org_ids uuid[],
  p_conversation_ids uuid[],
  p_created uuid[],
  p_events event_to_store[],
  p_stored uuid[],
  p_merged uuid[]
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
#variable_conflict use_column
declare
  v_versions int[];
  v_are_created boolean[];
begin
  select array_agg(m.version order by c.position),
    array_agg(m.conversation_id = any (p_created) order by c.position)
  into v_versions, v_are_created
  from unnest(p_conversation_ids, p_org_ids) with ordinality as c (conversation_id, org_id, position)
  join messenger_conversations m
    on m.org_id = c.org_id and m.conversation_id = c.conversation_id;

  -- Grouped, not joined: of an array the planner expects ten rows, and would compare each of a
  -- thousand events with each of a thousand outcomes.
  return query
  select e.event_id,
    case when e.event_id is not null then
      (array['duplicate', 'merged', 'stored'])[max(e.rank)] end,
    p_conversation_ids[max(e.of)], v_are_created[max(e.of)], v_versions[max(e.of)]
  from (
    select g.event_id, g.conversation_position as of, 1 as rank, g.ordinality as position
    from unnest(p_events) with ordinality as g
    union all
    select m.event_id, null, 2, null from unnest(p_merged) as m (event_id)
    union all
    select s.event_id, null, 3, null from unnest(p_stored) as s (event_id)
    union all
    select null, c.position, null, null
    from (
      select generate_subscripts(p_conversation_ids, 1) as position
      except
      select g.conversation_position from unnest(p_events) as g) c
  ) e
  group by e.event_id, case when e.event_id is null then e.of end
  order by max(e.of), max(e.position);
end;
$$;
