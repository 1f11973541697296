-- Every attempt of a delivery, oldest first.
create or replace function list_attempts(
  p_org_id uuid,
  p_workspace_id uuid,
  p_delivery_id uuid
) returns table (
  attempt_id uuid,
  endpoint_id uuid,
  number int,
  outcome text,
  status_code int,
  error text,
  started_at timestamptz,
  ended_at timestamptz
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select t.attempt_id, t.endpoint_id, t.number, t.outcome, t.status_code, t.error, t.started_at,
    t.ended_at
  from attempts t
  where t.org_id = p_org_id and t.delivery_id = p_delivery_id
  order by t.started_at, t.number, t.endpoint_id;
end;
$$;
