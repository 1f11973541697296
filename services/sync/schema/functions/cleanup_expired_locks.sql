-- runs as: system
-- Deletes leases that ended, at most p_limit; the runs that they cut off end as 'interrupted'.
-- Returns how many, or null when another process ran this tick.
create or replace function cleanup_expired_locks(
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
  v_cleaned int;
begin
  if not begin_tick('cleanup_expired_locks', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  with ended as materialized (
    select l.org_id, l.page_id, l.token
    from sync_locks l
    where l.expires_at <= p_now -- fence: lease
    order by l.expires_at
    limit p_limit
    for update skip locked
  ), cleaned as (
    delete from sync_locks l
    using ended e
    where l.org_id = e.org_id and l.page_id = e.page_id
    returning l.org_id, l.token
  ), interrupted as (
    update sync_runs r
    set ended_at = p_now, outcome = 'interrupted'
    from cleaned c
    where r.org_id = c.org_id and r.run_id = c.token and r.ended_at is null
  )
  select count(*) into v_cleaned from cleaned;
  return v_cleaned;
end;
$$;
