-- A calendar's appointments from p_from on, by time, at most p_limit: future ones, the next first,
-- before past ones. Cancelled ones are included, so that subscribers see the cancellation.
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
  perform set_tenant(array[p_org_id]);
  return query
  with coming as materialized (
    select f.found
    from (
      select k.starts_at, k.appointment_id
      from claims k
      where k.org_id = p_org_id and k.calendar_id = p_calendar_id and k.appointment_id is not null
        and k.starts_at >= greatest(p_from, p_now)
      group by k.starts_at, k.appointment_id
    ) k
    cross join lateral (
      select a as found
      from appointments a
      where a.org_id = p_org_id and a.appointment_id = k.appointment_id
      limit 1
    ) f
    where (f.found).scheduled_at = k.starts_at and (f.found).deleted_at is null
    order by k.starts_at, k.appointment_id
    limit p_limit
  ), past as materialized (
    select f.found
    from (
      select k.starts_at, k.appointment_id
      from claims k
      where k.org_id = p_org_id and k.calendar_id = p_calendar_id and k.appointment_id is not null
        and k.starts_at >= p_from and k.starts_at < p_now
      group by k.starts_at, k.appointment_id
    ) k
    cross join lateral (
      select a as found
      from appointments a
      where a.org_id = p_org_id and a.appointment_id = k.appointment_id
      limit 1
    ) f
    where (f.found).scheduled_at = k.starts_at and (f.found).deleted_at is null
    order by k.starts_at desc, k.appointment_id desc
    limit p_limit - (select count(*) from coming)
  )
  select to_appointment(f.found), s.name
  from (select * from coming union all select * from past) f
  left join services s on s.org_id = p_org_id and s.service_id = (f.found).service_id
  order by (f.found).scheduled_at, (f.found).appointment_id;
end;
$$;
