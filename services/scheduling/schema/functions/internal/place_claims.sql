-- runs as: system
-- Claims a slot on every one of the calendars for a hold or an appointment: all or nothing.
--   - refused_calendar_id is the first calendar without such a slot; null: all were claimed
--   - lock_rejected says whether another call had one of the locks
--   - waits for calls with the same p_lock_key and for competitors under way, 5 s for each (55P03)
--   - ends expired holds that are in the way
--   - security definer: range operators do not reach an index behind a policy
create or replace function place_claims(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_starts_at timestamptz,
  p_duration_minutes int,
  p_hold_id uuid,
  p_hold_expires_at timestamptz,
  p_appointment_id uuid,
  p_trace_id text,
  p_lock_key text default null,
  p_now timestamptz default now(),
  out refused_calendar_id uuid,
  out lock_rejected boolean
)
language plpgsql
security definer
set search_path from current
set lock_timeout = '5s'
as $$
declare
  v_calendar_id uuid;
  v_claim_id uuid;
  v_claim_ids uuid[] := '{}';
  v_seat int;
  v_during tstzrange;
begin
  if p_lock_key is not null then
    -- Before any claim, so that no call that has a claim waits for a key.
    perform pg_advisory_xact_lock(hashtextextended(format('%s/%s', p_org_id, p_lock_key), 4));
  end if;
  lock_rejected := not lock_buckets(p_org_id, p_calendar_ids, p_starts_at,
    p_starts_at + make_interval(mins => p_duration_minutes));
  perform expire_stale_claims(p_org_id, p_calendar_ids, p_starts_at, p_duration_minutes, p_now);
  for v_calendar_id in
    select distinct c.calendar_id from unnest(p_calendar_ids) as c (calendar_id) order by 1
  loop
    loop
      select s.seat, s.during into v_seat, v_during
      from slot_starts(p_org_id, array[v_calendar_id], p_starts_at,
        p_starts_at + interval '1 microsecond', p_duration_minutes, p_now) s;
      if not found then
        delete from claims where org_id = p_org_id and claim_id = any (v_claim_ids);
        refused_calendar_id := v_calendar_id;
        return;
      end if;
      v_claim_id := gen_random_uuid();
      insert into claims (org_id, claim_id, calendar_id, seat, during, status, hold_expires_at,
        hold_id, appointment_id, starts_at, created_at, trace_id)
      values (p_org_id, v_claim_id, v_calendar_id, v_seat, v_during,
        case when p_hold_id is null then 'booked' else 'held' end, p_hold_expires_at, p_hold_id,
        p_appointment_id, p_starts_at, p_now, p_trace_id)
      on conflict do nothing;
      -- Not found: a competitor took the seat. Look again, another one may be free.
      exit when found;
    end loop;
    v_claim_ids := v_claim_ids || v_claim_id;
  end loop;
end;
$$;
