-- Enables an endpoint that was disabled, ends its throttle, and wakes deliveries that wait for an
-- endpoint. A repeat changes nothing. Raises WB065 ENDPOINT_NOT_FOUND.
create or replace function enable_endpoint(
  p_org_id uuid,
  p_endpoint_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (
  endpoint_id uuid,
  workspace_id uuid,
  url text,
  status text,
  disabled_reason text,
  created_at timestamptz
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_workspace_id uuid;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select e.workspace_id into v_workspace_id
  from endpoints e
  where e.org_id = p_org_id and e.endpoint_id = p_endpoint_id;
  if v_workspace_id is null then
    perform refuse(65, 'There is no such endpoint.',
      jsonb_build_object('endpoint_id', p_endpoint_id));
  end if;
  perform lock_accounts(array[p_org_id], array[v_workspace_id]);
  update endpoints e
  set status = 'active',
      disabled_reason = null,
      throttled_until = null,
      updated_at = p_now
  where e.org_id = p_org_id and e.endpoint_id = p_endpoint_id and e.status = 'disabled';
  if found then
    perform wake_deliveries(array[p_org_id], array[v_workspace_id], 'endpoint', p_now);
  end if;
  return query
  select e.endpoint_id, e.workspace_id, e.url, e.status, e.disabled_reason, e.created_at
  from endpoints e
  where e.org_id = p_org_id and e.endpoint_id = p_endpoint_id;
end;
$$;
