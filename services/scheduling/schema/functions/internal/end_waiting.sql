-- Ends a waiting entry of the waitlist, as 'left' or 'expired'. False where it no longer waits.
-- The caller has set the tenant.
create or replace function end_waiting(
  p_org_id uuid,
  p_entry_id uuid,
  p_status text,
  p_actor text,
  p_traceparent text,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
begin
  update waitlist_entries e
  set status = p_status,
      ended_at = p_now
  where e.org_id = p_org_id and e.entry_id = p_entry_id and e.status = 'waiting';
  if not found then
    return false;
  end if;
  perform record_change(p_org_id, 'waitlist_entry', p_entry_id, p_status, p_actor,
    jsonb_build_object('status', 'waiting'), jsonb_build_object('status', p_status), p_traceparent,
    p_now);
  return true;
end;
$$;
