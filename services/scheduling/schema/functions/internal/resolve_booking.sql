-- Resolves what a booking needs.
--   - calendar_ids: the calendars given, or else those of the service, sorted
--   - status: how the appointment begins, 'pending' where the service needs approval
--   - price_credits: the service's price
--   - raises WB084 SERVICE_NOT_FOUND, WB083 CALENDAR_NOT_FOUND, WB092 DURATION_REFUSED, WB001
--     INVALID_REQUEST
--   - the caller has set the tenant
create or replace function resolve_booking(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_service_id uuid,
  p_duration_minutes int,
  out calendar_ids uuid[],
  out status text,
  out price_credits int
)
language plpgsql
stable
set search_path from current
as $$
declare
  v_service services;
begin
  if p_service_id is not null then
    select * into v_service
    from services s
    where s.org_id = p_org_id and s.service_id = p_service_id and s.status = 'active';
    if not found then
      perform refuse(84, 'There is no such service, or it is archived.',
        jsonb_build_object('service_id', p_service_id));
    end if;
    if p_duration_minutes <> all (v_service.durations_minutes) then
      perform refuse(92, 'The service has no such duration.', jsonb_build_object(
        'duration_minutes', p_duration_minutes, 'durations_minutes', v_service.durations_minutes));
    end if;
  elsif p_duration_minutes not between 1 and 1440 then
    perform refuse(92, 'A booking lasts from 1 to 1440 minutes.',
      jsonb_build_object('duration_minutes', p_duration_minutes));
  end if;
  calendar_ids := array(
    select distinct c from unnest(coalesce(p_calendar_ids, v_service.calendar_ids)) as c order by 1);
  if cardinality(calendar_ids) not between 1 and 20 then
    perform refuse(1, 'A booking must name from 1 to 20 calendars, or a service that has its own.',
      '{"fields": "calendar_ids"}');
  end if;
  perform refuse_unknown_calendars(p_org_id, calendar_ids);
  status := case when v_service.needs_approval then 'pending' else 'confirmed' end;
  price_credits := v_service.price_credits;
end;
$$;
