-- runs as: system
-- The orgs of a lead id ('lead_id'): for operators, who belong to no org. Kinds that routing does not
-- have give no rows.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select f.org_id
  from lead_facts f
  where p_kind = 'lead_id'
    and f.lead_id = case when p_kind = 'lead_id' then p_value::uuid end;
$$;
