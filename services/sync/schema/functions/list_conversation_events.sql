-- The events of a conversation, newest first, after (p_before_occurred_at, p_before). An edited
-- message has its newest text, a deleted one none: edits and deletes are events of their own, so the
-- order in which they came does not matter.
create or replace function list_conversation_events(
  p_org_id uuid,
  p_conversation_id uuid,
  p_limit int,
  p_before_occurred_at timestamptz default null,
  p_before uuid default null
) returns table (
  event_id uuid,
  type text,
  direction text,
  actor text,
  target text,
  message_id text,
  text text,
  deleted boolean,
  occurred_at timestamptz,
  seen_by_webhook boolean,
  seen_by_pull boolean,
  trace_id text
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select e.event_id, e.type::text, e.direction, e.actor::text, e.target::text, e.message_id::text,
    case
      when d.deleted then ''
      when w.content_at > e.content_at then w.text
      else e.text end,
    d.deleted, e.occurred_at, e.seen_by_webhook, e.seen_by_pull, e.trace_id::text
  from contact_interaction_events e
  cross join lateral (
    select exists (
      select from contact_interaction_events x
      where x.org_id = e.org_id and x.conversation_id = e.conversation_id and x.type = 'delete'
        and x.target = coalesce(e.message_id, e.target)
        and e.type in ('message', 'postback', 'edit')) as deleted) d
  left join lateral (
    select x.text, x.content_at
    from contact_interaction_events x
    where x.org_id = e.org_id and x.conversation_id = e.conversation_id and x.type = 'edit'
      and x.target = e.message_id
    order by x.content_at desc, x.content_hash desc
    limit 1) w on true
  where e.org_id = p_org_id and e.conversation_id = p_conversation_id
    and (p_before is null or (e.occurred_at, e.event_id) < (p_before_occurred_at, p_before))
  order by e.occurred_at desc, e.event_id desc
  limit p_limit;
end;
$$;
