-- Deletes ticks older than a day, at most 1,000 of them. Returns how many, or null when another
-- process ran this tick.
create or replace function sweep_ticks(
  p_traceparent text,
  p_every_seconds double precision default 3600,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_swept int;
begin
  if not begin_tick('sweep_ticks', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  delete from ticks
  where (task, tick_at) in (
    select task, tick_at from ticks where tick_at < p_now - interval '1 day' limit 1000);
  get diagnostics v_swept = row_count;
  return v_swept;
end;
$$;
