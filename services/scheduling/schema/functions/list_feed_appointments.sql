-- A calendar's appointments from p_from on, cancelled ones too (whoever subscribes must hear of it),
-- by time, at most p_limit. Where there are more, what is ahead of p_now comes first, the next ones
-- before later ones, and then what is past, the last ones before earlier ones.
drop function if exists list_feed_appointments(uuid, uuid, timestamptz, int);
create or replace function list_feed_appointments(
  p_org_id uuid,
  p_calendar_id uuid,
  p_from timestamptz,
  p_limit int,
  p_now timestamptz default now()
) returns table (appointment jsonb, service_name text)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform enter(array[p_org_id]);
  return query
  with ahead as (
    select a.*
    from appointments a
    where a.org_id = p_org_id and a.deleted_at is null and a.scheduled_at >= p_now
      and p_calendar_id = any (a.calendar_ids)
    order by a.scheduled_at, a.appointment_id
    limit p_limit
  ), past as (
    select a.*
    from appointments a
    where a.org_id = p_org_id and a.deleted_at is null
      and a.scheduled_at >= p_from and a.scheduled_at < p_now
      and p_calendar_id = any (a.calendar_ids)
    order by a.scheduled_at desc, a.appointment_id
    limit p_limit - (select count(*) from ahead)
  )
  select to_appointment(f::appointments), s.name
  from (table ahead union all table past) f
  left join services s using (org_id, service_id)
  order by f.scheduled_at, f.appointment_id;
end;
$$;
