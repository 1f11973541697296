-- A page of appointments by time, from p_from to p_to (null: open), after the pair (p_after_at,
-- p_after_id); of one calendar, contact or status ('open': pending or confirmed), or of all where
-- those are null.
create or replace function list_appointments(
  p_org_id uuid,
  p_calendar_id uuid,
  p_contact_id uuid,
  p_status text,
  p_from timestamptz,
  p_to timestamptz,
  p_limit int,
  p_after_at timestamptz default null,
  p_after_id uuid default null
) returns table (appointment jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
declare
  v_statuses constant text[] := case p_status when 'open' then array['confirmed', 'pending']
    else array[p_status] end;
begin
  perform set_tenant(array[p_org_id]);
  if p_calendar_id is null then
    return query
    select to_appointment(a)
    from appointments a
    where a.org_id = p_org_id and a.deleted_at is null
      and (p_status is null or a.status = any (v_statuses))
      and (p_contact_id is null or a.contact_id = p_contact_id)
      and (p_from is null or a.scheduled_at >= p_from)
      and (p_to is null or a.scheduled_at < p_to)
      and (p_after_at is null or (a.scheduled_at, a.appointment_id) > (p_after_at, p_after_id))
    order by a.scheduled_at, a.appointment_id
    limit p_limit;
    return;
  end if;
  -- By the calendar's claims, ended ones included: they hold the start of each of its appointments,
  -- several times for one that was moved away and back. The lateral join looks appointments up one
  -- by one, so that a page reads no more than a page of them.
  return query
  select to_appointment(f.found)
  from (
    select k.starts_at, k.appointment_id
    from claims k
    where k.org_id = p_org_id and k.calendar_id = p_calendar_id and k.appointment_id is not null
      and (p_from is null or k.starts_at >= p_from)
      and (p_to is null or k.starts_at < p_to)
      and (p_after_at is null or (k.starts_at, k.appointment_id) > (p_after_at, p_after_id))
    group by k.starts_at, k.appointment_id
  ) k
  cross join lateral (
    select a as found
    from appointments a
    where a.org_id = p_org_id and a.appointment_id = k.appointment_id
    limit 1
  ) f
  where (f.found).scheduled_at = k.starts_at and (f.found).deleted_at is null
    and (p_status is null or (f.found).status = any (v_statuses))
    and (p_contact_id is null or (f.found).contact_id = p_contact_id)
  order by k.starts_at, k.appointment_id
  limit p_limit;
end;
$$;
