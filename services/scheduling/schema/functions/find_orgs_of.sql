-- Which orgs know a lead or webhook: scheduling holds neither.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select a.org_id from appointments a where false;
$$;
