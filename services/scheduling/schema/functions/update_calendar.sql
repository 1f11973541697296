-- Changes the columns of a calendar that p_settings names (status 'archived' takes it out of use).
--   - p_hours, where given, replace its weekly hours
--   - p_version is the version that the caller read
--   - what is booked stays booked
--   - where the horizon grows or the zone changes, external calendars are read again at once
--   - raises WB083 CALENDAR_NOT_FOUND, WB010 ETAG_MISMATCH
create or replace function update_calendar(
  p_org_id uuid,
  p_calendar_id uuid,
  p_version int,
  p_settings jsonb,
  p_hours jsonb,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_before calendars;
  v_after calendars;
  v_hours jsonb;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_before := lock_calendar(p_org_id, p_calendar_id, p_version);
  v_after := jsonb_populate_record(v_before, p_settings);
  update calendars
  set name = v_after.name,
      kind = v_after.kind,
      zone = v_after.zone,
      capacity = v_after.capacity,
      capacity_since = case when v_after.capacity = capacity then capacity_since else p_now end,
      buffer_before_minutes = v_after.buffer_before_minutes,
      buffer_after_minutes = v_after.buffer_after_minutes,
      notice_minutes = v_after.notice_minutes,
      horizon_days = v_after.horizon_days,
      slot_minutes = v_after.slot_minutes,
      holiday_set = v_after.holiday_set,
      status = v_after.status,
      version = version + 1,
      updated_at = p_now
  where org_id = p_org_id and calendar_id = p_calendar_id
  returning * into v_after;
  v_hours := to_calendar(v_before) -> 'hours';
  if p_hours is not null then
    perform save_hours(p_org_id, p_calendar_id, p_hours);
  end if;
  if v_after.horizon_days > v_before.horizon_days or v_after.zone <> v_before.zone then
    perform read_imports_again(p_org_id, p_calendar_id, p_now); -- fence: leases
  end if;
  perform record_change(p_org_id, 'calendar', p_calendar_id, 'updated', 'tenant',
    (select coalesce(jsonb_object_agg(s.key, to_jsonb(v_before) -> s.key), '{}')
      from jsonb_object_keys(p_settings - 'name') as s (key))
      || case when p_hours is null then '{}' else jsonb_build_object('hours', v_hours) end,
    p_settings - 'name' || case when p_hours is null then '{}'
      else jsonb_build_object('hours', p_hours) end,
    p_traceparent, p_now);
  return to_calendar(v_after);
end;
$$;
