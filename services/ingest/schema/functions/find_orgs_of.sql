-- Which org a lead, a raw webhook or an item of one belongs to: for callers that serve all orgs.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select l.org_id from leads l
  where p_kind = 'lead_id' and l.lead_id = p_value::uuid
  union
  select i.org_id from webhook_items i
  where p_kind = 'webhook_id' and (i.item_id = p_value::uuid or i.delivery_id = p_value::uuid);
$$;
