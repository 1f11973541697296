-- Imports the busy times of an external calendar, which close hours of one of ours: now and then
-- every p_every_seconds. p_ciphertext is the sealed URL. The same request id gets the same answer.
-- Raises WB083 CALENDAR_NOT_FOUND, WB096 IMPORT_LIMIT_REACHED (20 for each calendar), WB005
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
  -- So that imports created at the same time are counted too.
  perform lock_calendar(p_org_id, p_calendar_id);
  if (select count(*)
      from imports i
      where i.org_id = p_org_id and i.calendar_id = p_calendar_id and i.status = 'active') >= 20 then
    perform refuse(96, 'A calendar can have 20 imports. Remove one before adding another.',
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
