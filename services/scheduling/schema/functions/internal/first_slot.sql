-- The first start in [p_from, p_to) that is free on all of the calendars, as one appointment on all
-- of them needs, or null. Searches in growing steps: what lies behind the first slot is not
-- computed.
-- The caller has set the tenant.
create or replace function first_slot(
  p_org_id uuid,
  p_calendar_ids uuid[],
  p_from timestamptz,
  p_to timestamptz,
  p_duration_minutes int,
  p_now timestamptz default now()
) returns timestamptz
language plpgsql
stable
set search_path from current
as $$
declare
  v_slot timestamptz;
  v_from timestamptz := greatest(p_from, p_now);
  -- Horizons have 730 days at most.
  v_end constant timestamptz := least(p_to, p_now + interval '731 days');
  v_span interval := interval '1 day';
begin
  while v_slot is null and v_from < v_end loop
    select s.starts_at into v_slot
    from slot_starts(p_org_id, p_calendar_ids, v_from, least(v_end, v_from + v_span),
      p_duration_minutes, p_now) s
    group by s.starts_at
    having count(*) = cardinality(p_calendar_ids)
    order by s.starts_at
    limit 1;
    v_from := v_from + v_span;
    v_span := v_span * 2;
  end loop;
  return v_slot;
end;
$$;
