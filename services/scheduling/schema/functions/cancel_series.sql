-- Cancels the appointments of a series that have not begun and returns how many. A repeat cancels
-- 0.
-- Raises WB094 SERIES_NOT_FOUND.
create or replace function cancel_series(
  p_org_id uuid,
  p_series_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_trace constant text := traceparent_or_new(p_traceparent);
  v_appointment appointments;
  v_count int := 0;
begin
  perform set_tenant(array[p_org_id], null, v_trace);
  if not exists (select from series s where s.org_id = p_org_id and s.series_id = p_series_id) then
    perform refuse(94, 'There is no such series.', jsonb_build_object('series_id', p_series_id));
  end if;
  for v_appointment in
    select a.*
    from appointments a
    where a.org_id = p_org_id and a.series_id = p_series_id and a.deleted_at is null
      and a.status in ('pending', 'confirmed') and a.scheduled_at > p_now
    order by a.appointment_id
    for update
  loop
    perform free_appointment(v_appointment, 'cancelled', null, 'series', v_trace, p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
