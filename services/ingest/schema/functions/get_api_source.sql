-- The org's source of kind 'api', behind POST /api/leads; no row where the org does not exist.
create or replace function get_api_source(p_org_id uuid)
returns table (source_id uuid, default_region text)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select s.source_id, s.default_region
  from sources s
  where s.org_id = p_org_id and s.kind = 'api' and s.external_id = 'api';
end;
$$;
