-- Has the busy times of an external calendar close one of ours, from now on and every p_every_seconds.
-- The URL comes sealed. The same request id answers as it did.
-- Raises WB083 CALENDAR_NOT_FOUND, WB096 IMPORT_LIMIT_REACHED (20 of a calendar), WB005
-- REQUEST_ID_REUSED.
create or replace function create_import(
  p_org_id uuid,
  p_import_id uuid,
  p_calendar_id uuid,
  p_ciphertext bytea,
  p_every_seconds int,
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
  v_import imports;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  perform refuse_unknown_calendars(p_org_id, array[p_calendar_id]);
  -- Who creates another one at the same time is counted too.
  perform lock_calendar(p_org_id, p_calendar_id);
  if (select count(*)
      from imports i
      where i.org_id = p_org_id and i.calendar_id = p_calendar_id and i.status = 'active') >= 20 then
    perform refuse(96, 'A calendar has 20 imports at most. Remove one.',
      jsonb_build_object('calendar_id', p_calendar_id));
  end if;
  insert into imports (org_id, import_id, calendar_id, ciphertext, every_seconds, due_at,
    created_at, trace_id, traceparent)
  values (p_org_id, p_import_id, p_calendar_id, p_ciphertext, p_every_seconds, p_now, p_now,
    substr(p_traceparent, 4, 32), p_traceparent)
  returning * into v_import;
  perform record_change(p_org_id, 'import', p_import_id, 'created', 'tenant', '{}',
    jsonb_build_object('calendar_id', p_calendar_id), p_traceparent, p_now);
  return finish_request(p_org_id, p_request_id, to_import(v_import));
end;
$$;
