-- runs as: system
-- The orgs of a lead, a raw webhook, an item of one, or the provider's id of an item: for callers that
-- serve all orgs. Orphans, which concern no known org, belong to the nil org, as in find_trace_orgs.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  -- Org by org, so that the keys serve, which lead with the org: hot tables need no other index.
  -- The casts are guarded, because a plan may be made with the value of another kind.
  select g.org_id from orgs g
  where p_kind = 'lead_id' and exists (
    select from leads l
    where l.org_id = g.org_id and l.lead_id = case p_kind when 'lead_id' then p_value::uuid end)
  union
  select g.org_id from orgs g
  where p_kind = 'webhook_id' and exists (
    select from webhook_items i
    where i.org_id = g.org_id and i.item_id = case p_kind when 'webhook_id' then p_value::uuid end)
  union
  select g.org_id from orgs g
  where p_kind = 'webhook_id' and exists (
    select from webhook_items i
    where i.org_id = g.org_id
      and i.delivery_id = case p_kind when 'webhook_id' then p_value::uuid end)
  union
  select g.org_id from orgs g
  where p_kind = 'external_id' and exists (
    select from webhook_items i where i.org_id = g.org_id and i.external_id = p_value)
  union
  select '00000000-0000-0000-0000-000000000000' from webhook_orphans o
  where p_kind = 'webhook_id' and (o.item_id = p_value::uuid or o.delivery_id = p_value::uuid)
  union
  select '00000000-0000-0000-0000-000000000000' from webhook_orphans o
  where p_kind = 'external_id' and o.external_id = p_value;
$$;
