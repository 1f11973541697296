-- runs as: system
-- The orgs that know a lead. For callers that may ask for any org's; other kinds have no rows.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select distinct o.org_id
  from lead_offers o
  where p_kind = 'lead_id'
    and o.lead_id = case when p_kind = 'lead_id' then p_value::uuid end;
$$;
