-- Creates a service that can be booked. The same request id gets the same answer.
-- Raises WB083 CALENDAR_NOT_FOUND, WB005 REQUEST_ID_REUSED.
create or replace function create_service(
  p_org_id uuid,
  p_service_id uuid,
  p_name text,
  p_durations_minutes int[],
  p_calendar_ids uuid[],
  p_price_credits int,
  p_needs_approval boolean,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_answer jsonb;
  v_service services;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  perform refuse_unknown_calendars(p_org_id, p_calendar_ids);
  insert into services (org_id, service_id, name, durations_minutes, calendar_ids, price_credits,
    needs_approval, created_at, updated_at, trace_id)
  values (p_org_id, p_service_id, p_name, p_durations_minutes, p_calendar_ids, p_price_credits,
    p_needs_approval, p_now, p_now, substr(p_traceparent, 4, 32))
  returning * into v_service;
  perform record_change(p_org_id, 'service', p_service_id, 'created', 'tenant', '{}',
    to_service(v_service) - 'name', p_traceparent, p_now);
  return finish_request(p_org_id, p_request_id, to_service(v_service));
end;
$$;
