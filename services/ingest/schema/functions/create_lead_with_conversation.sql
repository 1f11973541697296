-- Creates one lead: create_leads_with_conversations for a single one of an RPC.
-- Raises WB005 REQUEST_ID_REUSED.
create or replace function create_lead_with_conversation(
  p_org_id uuid,
  p_lead_id uuid,
  p_lead jsonb,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (outcome text, lead_id uuid, conversation_id uuid)
language plpgsql
set search_path from current
as $$
begin
  select c.outcome, c.lead_id, c.conversation_id
  into outcome, lead_id, conversation_id
  from create_leads_with_conversations(array[p_org_id], array[p_lead_id], array[p_lead],
    array[p_traceparent], array[null::uuid], array[null::text], array[p_request_id],
    array[p_request_hash], array[null::uuid], p_now) c;
  if outcome = 'request_id_reused' then
    perform refuse(5, 'This request_id was used before with other content. Send a new one.',
      jsonb_build_object('request_id', p_request_id));
  end if;
  return next;
end;
$$;
