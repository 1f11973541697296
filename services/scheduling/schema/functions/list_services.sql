-- A page of services that are in use, oldest first, after p_after (null: from the oldest).
create or replace function list_services(p_org_id uuid, p_limit int, p_after uuid default null)
returns table (service jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_service(s)
  from services s
  where s.org_id = p_org_id and s.status = 'active'
    and (p_after is null or s.service_id > p_after)
  order by s.service_id
  limit p_limit;
end;
$$;
