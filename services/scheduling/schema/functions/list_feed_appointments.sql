-- A calendar's appointments from p_from on, cancelled ones too (whoever subscribes must hear of it),
-- by time, at most p_limit.
create or replace function list_feed_appointments(
  p_org_id uuid,
  p_calendar_id uuid,
  p_from timestamptz,
  p_limit int
) returns table (appointment jsonb, service_name text)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform enter(array[p_org_id]);
  return query
  select to_appointment(a), s.name
  from appointments a
  left join services s using (org_id, service_id)
  where a.org_id = p_org_id and a.deleted_at is null and a.scheduled_at >= p_from
    and p_calendar_id = any (a.calendar_ids)
  order by a.scheduled_at, a.appointment_id
  limit p_limit;
end;
$$;
