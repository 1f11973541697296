-- The org's conversations, the last one active first, after (p_before_active_at, p_before).
--   - p_page_id, p_conversation_id: only those (null: all).
--   - p_query: only those whose contact's name or whose messages contain it (null: all). Of an edited
--     message the newest text is searched, of a deleted one nothing.
create or replace function list_conversations(
  p_org_id uuid,
  p_page_id uuid,
  p_conversation_id uuid,
  p_query text,
  p_limit int,
  p_before_active_at timestamptz default null,
  p_before uuid default null
) returns table (
  conversation_id uuid,
  page_id uuid,
  contact_external_id text,
  thread_id text,
  contact_name text,
  status text,
  version int,
  completeness text,
  message_count int,
  stored_message_count int,
  active_at timestamptz,
  trace_id text
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
declare
  -- The text itself is searched for: its characters are not wildcards of like.
  v_like constant text :=
    '%' || replace(replace(replace(p_query, '\', '\\'), '%', '\%'), '_', '\_') || '%';
begin
  perform set_tenant(array[p_org_id]);
  return query
  select m.conversation_id, m.page_id, m.contact_external_id::text, m.thread_id::text,
    m.contact_name, m.status, m.version, m.completeness, m.message_count,
    (select count(*)::int
     from contact_interaction_events e
     where e.org_id = m.org_id and e.conversation_id = m.conversation_id
       and e.message_id is not null),
    m.active_at, m.trace_id::text
  from messenger_conversations m
  where m.org_id = p_org_id
    and (p_page_id is null or m.page_id = p_page_id)
    and (p_conversation_id is null or m.conversation_id = p_conversation_id)
    and (p_before is null or (m.active_at, m.conversation_id) < (p_before_active_at, p_before))
    and (p_query is null
      or m.contact_name ilike v_like
      or exists (
        select from contact_interaction_events e
        where e.org_id = m.org_id and e.conversation_id = m.conversation_id
          and e.text ilike v_like
          and not exists (
            select from contact_interaction_events x
            where x.org_id = e.org_id and x.conversation_id = e.conversation_id
              and (x.type = 'delete'
                  and x.target = case e.type when 'edit' then e.target else e.message_id end
                or x.type = 'edit'
                  and x.target = case e.type when 'edit' then e.target else e.message_id end
                  and (x.content_at, x.content_hash) > (e.content_at,
                    case e.type when 'edit' then e.content_hash else '' end)))))
  order by m.active_at desc, m.conversation_id desc
  limit p_limit;
end;
$$;
