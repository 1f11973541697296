-- Creates a calendar with its weekly hours; p_settings is an object of its columns. The same
-- request id gets the same answer. Raises WB005 REQUEST_ID_REUSED.
create or replace function create_calendar(
  p_org_id uuid,
  p_calendar_id uuid,
  p_settings jsonb,
  p_hours jsonb,
  p_feed_secret_hash bytea,
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
  v_calendar calendars;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  v_calendar := jsonb_populate_record(null::calendars, p_settings);
  v_calendar.org_id := p_org_id;
  v_calendar.calendar_id := p_calendar_id;
  v_calendar.status := 'active';
  v_calendar.feed_secret_hash := p_feed_secret_hash;
  v_calendar.version := 1;
  v_calendar.capacity_since := p_now;
  v_calendar.created_at := p_now;
  v_calendar.updated_at := p_now;
  v_calendar.trace_id := substr(p_traceparent, 4, 32);
  insert into calendars select v_calendar.*;
  perform save_hours(p_org_id, p_calendar_id, p_hours);
  perform record_change(p_org_id, 'calendar', p_calendar_id, 'created', 'tenant', '{}',
    p_settings - 'name' || jsonb_build_object('hours', p_hours), p_traceparent, p_now);
  return finish_request(p_org_id, p_request_id, to_calendar(v_calendar));
end;
$$;
