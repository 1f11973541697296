-- Opens the tick of a periodic task that p_now falls in; false when another process has run it.
create or replace function begin_tick(
  p_task text,
  p_every_seconds double precision,
  p_traceparent text,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
begin
  insert into ticks (task, tick_at, started_at, trace_id)
  values (
    p_task,
    to_timestamp(floor(extract(epoch from p_now) / p_every_seconds) * p_every_seconds),
    p_now,
    substr(p_traceparent, 4, 32))
  on conflict do nothing;
  return found;
end;
$$;
