-- runs as: system
-- Ends holds that have expired, at most p_limit of all tenants, and offers their time to the
-- waitlist. Returns how many, or null when another process ran this tick.
create or replace function expire_slot_holds(
  p_limit int,
  p_every_seconds double precision,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
security definer
set search_path from current
as $$
declare
  v_hold holds;
  v_count int := 0;
begin
  if not begin_tick('expire_slot_holds', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  for v_hold in
    select h.*
    from holds h
    where h.status = 'live'
      and h.expires_at <= p_now -- not a fence: end_holds checks it again
    order by h.expires_at, h.hold_id
    limit p_limit
    for update skip locked
  loop
    perform set_tenant(array[v_hold.org_id], null, v_hold.traceparent);
    v_count := v_count
      + end_holds(v_hold.org_id, array[v_hold.hold_id], 'expired', 'sweep', p_now);
    perform promote_waitlist(v_hold.org_id, v_hold.calendar_ids, v_hold.scheduled_at,
      v_hold.duration_minutes, p_now);
  end loop;
  return v_count;
end;
$$;
