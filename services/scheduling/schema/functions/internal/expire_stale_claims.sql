-- runs as: system
-- Ends the holds that have expired and whose claims overlap a slot: the constraint does not know
-- the time. Locks them in order.
create or replace function expire_stale_claims(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_starts_at timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns void
language plpgsql
security definer
set search_path from current
as $$
declare
  v_hold_ids uuid[];
begin
  select array_agg(distinct k.hold_id)
  into v_hold_ids
  from claims k
  where k.org_id = p_org_id and k.calendar_id = any (p_calendar_ids)
    and k.status in ('held', 'booked') and k.deleted_at is null
    and k.during && tstzrange(p_starts_at - interval '240 minutes',
      p_starts_at + make_interval(mins => p_duration_minutes + 240))
    and k.status = 'held'
    and k.hold_expires_at <= p_now; -- not a fence: end_holds checks it again
  if v_hold_ids is not null then
    perform end_holds(p_org_id, v_hold_ids, 'expired', 'booking', p_now);
  end if;
end;
$$;
