-- Replaces the secret of a calendar's feed; the address before it stops working.
-- Raises WB083 CALENDAR_NOT_FOUND.
create or replace function rotate_feed_secret(
  p_org_id uuid,
  p_calendar_id uuid,
  p_feed_secret_hash bytea,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  perform lock_calendar(p_org_id, p_calendar_id);
  update calendars
  set feed_secret_hash = p_feed_secret_hash,
      updated_at = p_now
  where org_id = p_org_id and calendar_id = p_calendar_id;
  perform record_change(p_org_id, 'calendar', p_calendar_id, 'feed_secret_rotated', 'tenant', '{}',
    '{}', p_traceparent, p_now);
end;
$$;
