-- Grants credits to a workspace and wakes the deliveries that wait for them, oldest first. Returns
-- the balance after it; the same request id returns what it returned the first time.
-- Raises WB040 WORKSPACE_NOT_FOUND, WB005 REQUEST_ID_REUSED, WB001 INVALID_REQUEST (a workspace is
-- granted at most 2,000,000,000 credits in all, so that no account overflows).
create or replace function grant_credits(
  p_org_id uuid,
  p_workspace_id uuid,
  p_credits int,
  p_reason text,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (
  workspace_id uuid,
  available int,
  held int,
  consumed int,
  granted int,
  waiting_delivery_count int
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_granted_max constant int := 2000000000;
  v_granted int;
  v_answer jsonb;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is null then
    perform lock_accounts(array[p_org_id], array[p_workspace_id]);
    select a.granted into v_granted
    from credit_accounts a
    where a.org_id = p_org_id and a.workspace_id = p_workspace_id;
    if p_credits > v_granted_max - v_granted then
      perform refuse(1, format(
        'A workspace is granted at most %s credits in all. Grant this one at most %s more.',
        v_granted_max, v_granted_max - v_granted), jsonb_build_object('fields', 'credits'));
    end if;
    perform post_credits('CREDIT_GRANT', array[p_org_id], array[p_workspace_id],
      array['granted'], 'available', array[p_credits], array[null::uuid], array[null::uuid],
      p_reason, array[substr(p_traceparent, 4, 32)], p_now)
    from credit_accounts
    where org_id = p_org_id and workspace_id = p_workspace_id;
    if not found then
      perform refuse(40, 'There is no such workspace.',
        jsonb_build_object('workspace_id', p_workspace_id));
    end if;
    perform wake_deliveries(array[p_org_id], array[p_workspace_id], 'credit', p_now);
    select to_jsonb(b) into v_answer
    from get_balance(p_org_id, null, p_workspace_id) b;
    perform finish_request(p_org_id, p_request_id, v_answer);
  end if;
  return query
  select a.*
  from jsonb_to_record(v_answer) as a (workspace_id uuid, available int, held int, consumed int,
    granted int, waiting_delivery_count int);
end;
$$;
