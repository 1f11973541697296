-- Takes a service out of use; what is booked stays booked, a repeat changes nothing.
-- Raises WB084 SERVICE_NOT_FOUND.
create or replace function archive_service(
  p_org_id uuid,
  p_service_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_service services;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  update services s
  set status = 'archived',
      version = version + 1,
      updated_at = p_now
  where s.org_id = p_org_id and s.service_id = p_service_id and s.status = 'active'
  returning * into v_service;
  if found then
    perform record_change(p_org_id, 'service', p_service_id, 'archived', 'tenant',
      '{"status": "active"}', '{"status": "archived"}', p_traceparent, p_now);
    return to_service(v_service);
  end if;
  select * into v_service
  from services s
  where s.org_id = p_org_id and s.service_id = p_service_id;
  if not found then
    perform refuse(84, 'There is no such service.', jsonb_build_object('service_id', p_service_id));
  end if;
  return to_service(v_service);
end;
$$;
