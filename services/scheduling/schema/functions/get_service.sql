-- One service, archived or not, or no row.
create or replace function get_service(p_org_id uuid, p_service_id uuid)
returns table (service jsonb)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_service(s)
  from services s
  where s.org_id = p_org_id and s.service_id = p_service_id;
end;
$$;
