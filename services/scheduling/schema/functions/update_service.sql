-- Changes the columns of a service in use that p_settings names: name, durations_minutes,
-- calendar_ids, price_credits, needs_approval. What is booked stays as it was booked. p_version is
-- the version that the caller read.
-- Raises WB084 SERVICE_NOT_FOUND, WB083 CALENDAR_NOT_FOUND, WB010 ETAG_MISMATCH.
create or replace function update_service(
  p_org_id uuid,
  p_service_id uuid,
  p_version int,
  p_settings jsonb,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_before services;
  v_after services;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select * into v_before
  from services s
  where s.org_id = p_org_id and s.service_id = p_service_id and s.status = 'active'
  for no key update;
  if not found then
    perform refuse(84, 'There is no such service, or it is archived.',
      jsonb_build_object('service_id', p_service_id));
  end if;
  if v_before.version <> p_version then -- fence: version
    perform refuse(10, 'The service was changed meanwhile. Read it again.',
      jsonb_build_object('etag', v_before.version));
  end if;
  v_after := jsonb_populate_record(v_before, p_settings);
  if v_after.calendar_ids <> v_before.calendar_ids then
    perform refuse_unknown_calendars(p_org_id, v_after.calendar_ids);
  end if;
  update services s
  set name = v_after.name,
      durations_minutes = v_after.durations_minutes,
      calendar_ids = v_after.calendar_ids,
      price_credits = v_after.price_credits,
      needs_approval = v_after.needs_approval,
      version = s.version + 1,
      updated_at = p_now
  where s.org_id = p_org_id and s.service_id = p_service_id
  returning * into v_after;
  perform record_change(p_org_id, 'service', p_service_id, 'updated', 'tenant',
    (select coalesce(jsonb_object_agg(s.key, to_jsonb(v_before) -> s.key), '{}')
      from jsonb_object_keys(p_settings - 'name') as s (key)),
    p_settings - 'name', p_traceparent, p_now);
  return to_service(v_after);
end;
$$;
