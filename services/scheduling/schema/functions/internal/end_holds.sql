-- Ends live holds, as 'released' or, where they have expired, as 'expired', and frees their claims.
-- Returns how many. Locks them in order of their ids.
-- The caller has set the tenant.
create or replace function end_holds(
  p_org_id uuid,
  p_hold_ids uuid[],
  p_status text,
  p_actor text,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_hold holds;
  v_count int := 0;
begin
  for v_hold in
    select h.*
    from holds h
    where h.org_id = p_org_id and h.hold_id = any (p_hold_ids) and h.status = 'live'
      and (p_status = 'released' or h.expires_at <= p_now) -- fence: expiry
    order by h.hold_id
    for update
  loop
    update holds
    set status = p_status,
        ended_at = p_now
    where org_id = p_org_id and hold_id = v_hold.hold_id;
    update claims
    set status = p_status,
        ended_at = p_now
    where org_id = p_org_id and hold_id = v_hold.hold_id and status = 'held';
    perform record_change(p_org_id, 'hold', v_hold.hold_id, p_status, p_actor,
      jsonb_build_object('status', 'live'), jsonb_build_object('status', p_status),
      v_hold.traceparent, p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
