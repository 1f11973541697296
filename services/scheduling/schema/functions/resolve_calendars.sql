-- The calendars that a booking of a service would use, sorted. A search checks the service by the
-- same rules as a booking, so that it lists no slot that the booking would refuse.
-- Raises WB084 SERVICE_NOT_FOUND, WB083 CALENDAR_NOT_FOUND, WB092 DURATION_REFUSED.
create or replace function resolve_calendars(
  p_org_id uuid,
  p_service_id uuid,
  p_duration_minutes int
) returns uuid[]
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return (resolve_booking(p_org_id, null, p_service_id, p_duration_minutes)).calendar_ids;
end;
$$;
