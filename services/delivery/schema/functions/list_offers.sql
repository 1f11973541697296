-- A page of offers, newest first, before p_before (null: from the newest); of one workspace or
-- lead, or of all where those are null.
create or replace function list_offers(
  p_org_id uuid,
  p_workspace_id uuid,
  p_of_workspace_id uuid,
  p_lead_id uuid,
  p_limit int,
  p_before uuid default null
) returns table (
  offer_id uuid,
  lead_id uuid,
  workspace_id uuid,
  status text,
  delivery_id uuid,
  created_at timestamptz,
  trace_id text
)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_workspace_id constant uuid := coalesce(p_of_workspace_id, p_workspace_id);
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select o.offer_id, o.lead_id, o.workspace_id, o.status, d.delivery_id, o.created_at,
    o.trace_id::text
  from lead_offers o
  left join deliveries d using (org_id, offer_id)
  where o.org_id = p_org_id
    -- The policy hides other workspaces from a workspace's token, but does not lead to the index.
    and (v_workspace_id is null or o.workspace_id = v_workspace_id)
    and (p_lead_id is null or o.lead_id = p_lead_id)
    and (p_before is null or o.offer_id < p_before)
  order by o.offer_id desc
  limit p_limit;
end;
$$;
