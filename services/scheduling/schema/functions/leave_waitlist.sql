-- Ends a waitlist entry as 'left'; an entry that no longer waits is returned as it is.
-- Raises WB089 WAITLIST_ENTRY_NOT_FOUND.
create or replace function leave_waitlist(
  p_org_id uuid,
  p_entry_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_entry waitlist_entries;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  perform end_waiting(p_org_id, p_entry_id, 'left', 'tenant', v_trace, p_now);
  select * into v_entry
  from waitlist_entries e
  where e.org_id = p_org_id and e.entry_id = p_entry_id;
  if not found then
    perform refuse(89, 'There is no such waitlist entry.',
      jsonb_build_object('entry_id', p_entry_id));
  end if;
  return to_waitlist_entry(v_entry);
end;
$$;
