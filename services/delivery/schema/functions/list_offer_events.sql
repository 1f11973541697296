-- Every step of an offer, oldest first.
create or replace function list_offer_events(
  p_org_id uuid,
  p_workspace_id uuid,
  p_offer_id uuid
) returns table (
  from_status text,
  to_status text,
  actor text,
  occurred_at timestamptz
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select e.from_status, e.to_status, e.actor, e.occurred_at
  from lead_events e
  where e.org_id = p_org_id and e.offer_id = p_offer_id
  order by e.ordinal;
end;
$$;
