-- runs as: system
-- Reviews waitlist entries, the least recently reviewed first, at most p_limit of all tenants.
--   - an entry whose latest start has passed ends as 'expired'
--   - where an entry has a free slot, the slot goes to the first entry in line for it
--   - so an entry is promoted whatever opened the time: a hold that ended inside a booking, other
--     hours, an exception, a holiday, an import, two cancellations at once
--   - returns how many entries ended, or null when another process ran this tick
create or replace function promote_waiting(
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
  v_entry waitlist_entries;
  v_slot timestamptz;
  v_org_ids uuid[] := '{}';
  v_entry_ids uuid[] := '{}';
  v_count int := 0;
begin
  if not begin_tick('promote_waiting', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  -- Without locks, since calls that free time meanwhile skip entries that are locked.
  for v_entry in
    select e.*
    from waitlist_entries e
    where e.status = 'waiting'
    order by e.looked_at, e.created_at
    limit p_limit
  loop
    perform set_tenant(array[v_entry.org_id], null, v_entry.traceparent);
    v_org_ids := v_org_ids || v_entry.org_id;
    v_entry_ids := v_entry_ids || v_entry.entry_id;
    if v_entry.latest <= p_now then
      v_count := v_count + end_waiting(v_entry.org_id, v_entry.entry_id, 'expired', 'sweep',
        v_entry.traceparent, p_now)::int;
      continue;
    end if;
    v_slot := first_slot(v_entry.org_id, v_entry.calendar_ids, v_entry.earliest, v_entry.latest,
      v_entry.duration_minutes, p_now);
    if v_slot is not null then
      v_count := v_count + promote_waitlist(v_entry.org_id, v_entry.calendar_ids, v_slot,
        v_entry.duration_minutes, p_now);
    end if;
  end loop;
  update waitlist_entries e
  set looked_at = p_now
  from unnest(v_org_ids, v_entry_ids) as n (org_id, entry_id)
  where e.org_id = n.org_id and e.entry_id = n.entry_id and e.status = 'waiting';
  return v_count;
end;
$$;
