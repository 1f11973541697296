-- Opens or closes hours of one day besides the weekly ones. The same request id gets the same
-- answer.
-- Raises WB083 CALENDAR_NOT_FOUND, WB005 REQUEST_ID_REUSED.
create or replace function add_exception(
  p_org_id uuid,
  p_calendar_id uuid,
  p_exception_id uuid,
  p_day date,
  p_kind text,
  p_start_minute int,
  p_end_minute int,
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
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  perform lock_calendar(p_org_id, p_calendar_id);
  insert into calendar_exceptions (org_id, exception_id, calendar_id, day, kind, start_minute,
    end_minute, created_at, trace_id)
  values (p_org_id, p_exception_id, p_calendar_id, p_day, p_kind, p_start_minute, p_end_minute,
    p_now, substr(p_traceparent, 4, 32));
  v_answer := jsonb_build_object('exception_id', p_exception_id, 'calendar_id', p_calendar_id,
    'day', p_day, 'kind', p_kind, 'start_minute', p_start_minute, 'end_minute', p_end_minute);
  perform record_change(p_org_id, 'calendar', p_calendar_id, 'exception_added', 'tenant', '{}',
    v_answer, p_traceparent, p_now);
  return finish_request(p_org_id, p_request_id, v_answer);
end;
$$;
