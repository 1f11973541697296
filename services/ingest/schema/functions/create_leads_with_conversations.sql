-- tested by: test_create_leads_with_conversations_v2.py
-- As create_leads_with_conversations_v2, without what it says of contacts: for processes of the
-- release before that.
create or replace function create_leads_with_conversations(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_leads jsonb[],
  p_traceparents text[],
  p_item_ids uuid[],
  p_attempt_trace_ids text[],
  p_request_ids text[],
  p_request_hashes text[],
  p_tokens uuid[],
  p_now timestamptz default now()
) returns table (new_lead_id uuid, outcome text, lead_id uuid, conversation_id uuid)
language sql
set search_path from current
as $$
  select new_lead_id, outcome, lead_id, conversation_id
  from create_leads_with_conversations_v2(p_org_ids, p_lead_ids, p_leads, p_traceparents,
    p_item_ids, p_attempt_trace_ids, p_request_ids, p_request_hashes, p_tokens, p_now);
$$;
