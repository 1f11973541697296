-- runs as: system
-- Deletes requests older than p_kept_seconds over all tenants, at most p_limit: their ids may then
-- be used again. Returns how many, or null when another process ran this tick.
create or replace function sweep_requests(
  p_kept_seconds double precision,
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
  v_swept int;
begin
  if not begin_tick('sweep_requests', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  delete from requests
  where (org_id, request_id) in (
    select r.org_id, r.request_id
    from requests r
    where r.created_at < p_now - make_interval(secs => p_kept_seconds)
    order by r.created_at
    limit p_limit
    for update skip locked);
  get diagnostics v_swept = row_count;
  return v_swept;
end;
$$;
