-- Opens a request by its client-made id, inside the transaction of the write. Waits for another
-- transaction with the same id.
--   - Returns null when the write is to be done, also when there is no id.
--   - Returns the first answer when the id is known, and counts the repeat for the trace.
--   - Raises WB005 REQUEST_ID_REUSED when the id came with other content.
create or replace function begin_request(
  p_org_id uuid,
  p_request_id text,
  p_content_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_before requests;
begin
  if p_request_id is null then
    return null;
  end if;
  insert into requests (org_id, request_id, content_hash, created_at, trace_id)
  values (p_org_id, p_request_id, p_content_hash, p_now, substr(p_traceparent, 4, 32))
  on conflict do nothing;
  if found then
    return null;
  end if;
  select * into strict v_before
  from requests
  where org_id = p_org_id and request_id = p_request_id;
  if v_before.content_hash <> p_content_hash then  -- fence: content
    perform refuse(5, 'This request_id was used before with other content. Send a new one.',
      jsonb_build_object('request_id', p_request_id));
  end if;
  perform note_repeats('request', array[p_org_id], array[p_request_id],
    array[v_before.trace_id::text], array[substr(p_traceparent, 4, 32)], p_now);
  return v_before.answer;
end;
$$;
