-- One offer, or no row where the org has no such offer.
create or replace function get_offer(
  p_org_id uuid,
  p_workspace_id uuid,
  p_offer_id uuid
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
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id], p_workspace_id);
  return query
  select o.offer_id, o.lead_id, o.workspace_id, o.status, d.delivery_id, o.created_at,
    o.trace_id::text
  from lead_offers o
  left join deliveries d using (org_id, offer_id)
  where o.org_id = p_org_id and o.offer_id = p_offer_id;
end;
$$;
