-- Changes a conversation's status where it still stands at p_version; the version grows by one.
-- Raises WB107 CONVERSATION_NOT_FOUND, WB010 ETAG_MISMATCH.
create or replace function update_conversation(
  p_org_id uuid,
  p_conversation_id uuid,
  p_version int,
  p_status text,
  p_traceparent text
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_version int;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select m.version into v_version
  from messenger_conversations m
  where m.org_id = p_org_id and m.conversation_id = p_conversation_id
  for update;
  if not found then
    perform refuse(107, 'There is no such conversation in this org.',
      jsonb_build_object('conversation_id', p_conversation_id));
  end if;
  if v_version <> p_version then -- fence: version
    perform refuse(10, 'The conversation has changed since. Read it again.',
      jsonb_build_object('etag', v_version));
  end if;
  update messenger_conversations m
  set status = p_status, version = m.version + 1
  where m.org_id = p_org_id and m.conversation_id = p_conversation_id;
  return v_version + 1;
end;
$$;
