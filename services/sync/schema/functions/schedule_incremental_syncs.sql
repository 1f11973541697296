-- runs as: system
-- Makes an incremental session for each page over all tenants that was pulled to the end before, has
-- a good token and no open session, and whose last session ended, well or not,
-- p_session_every_seconds ago; at most p_limit. Returns how many, or null when another process ran
-- this tick.
create or replace function schedule_incremental_syncs(
  p_session_every_seconds double precision,
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
  v_made int;
begin
  if not begin_tick('schedule_incremental_syncs', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  -- Each session begins a trace of its own.
  with due as (
    select p.org_id, p.page_id, replace(gen_random_uuid()::text, '-', '') as trace_id
    from pages p
    where p.token_status = 'good' and p.watermark_at is not null
      and p.last_synced_at <= p_now - make_interval(secs => p_session_every_seconds)
      and not exists (
        select from sync_state s
        where s.org_id = p.org_id and s.page_id = p.page_id and s.status in ('running', 'paused'))
      and not exists (
        select from sync_state s
        where s.org_id = p.org_id and s.page_id = p.page_id
          and s.ended_at > p_now - make_interval(secs => p_session_every_seconds))
    order by p.last_synced_at
    limit p_limit
  )
  insert into sync_state (org_id, session_id, page_id, mode, status, phase, position, due_at,
    started_at, updated_at, trace_id, traceparent)
  select d.org_id, gen_random_uuid(), d.page_id, 'incremental', 'paused', 'list', '{}', p_now,
    p_now, p_now, d.trace_id, '00-' || d.trace_id || '-' || substr(d.trace_id, 1, 16) || '-00'
  from due d
  on conflict do nothing;
  get diagnostics v_made = row_count;
  return v_made;
end;
$$;
