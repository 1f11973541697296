-- Acquires the lease on a page unless another worker holds it: one conditional upsert on the
-- database's clock.
--   - p_token fences everything that is written under the lease; the same token again is the same
--     holder.
--   - Returns whether it was acquired, and who holds the lease now.
--   - A run that an ended lease cut off ends as 'interrupted'.
create or replace function acquire_sync_lock(
  p_org_id uuid,
  p_page_id uuid,
  p_locked_by text,
  p_token uuid,
  p_lease_seconds double precision,
  p_session_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (
  acquired boolean,
  locked_by text,
  locked_at timestamptz,
  expires_at timestamptz,
  session_id uuid
)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  insert into sync_locks as l
    (org_id, page_id, locked_by, locked_at, expires_at, token, session_id, trace_id)
  values (p_org_id, p_page_id, p_locked_by, p_now, p_now + make_interval(secs => p_lease_seconds),
    p_token, p_session_id, substr(p_traceparent, 4, 32))
  on conflict on constraint sync_locks_pkey do update
  set locked_by = excluded.locked_by,
      locked_at = excluded.locked_at,
      expires_at = excluded.expires_at,
      token = excluded.token,
      session_id = excluded.session_id,
      trace_id = excluded.trace_id
  where l.expires_at <= p_now or l.token = excluded.token; -- fence: lease
  if found then
    update sync_runs r
    set ended_at = p_now, outcome = 'interrupted'
    where r.org_id = p_org_id and r.page_id = p_page_id and r.ended_at is null
      and r.run_id <> p_token;
  end if;
  return query
  select l.token = p_token, l.locked_by, l.locked_at, l.expires_at, l.session_id
  from sync_locks l
  where l.org_id = p_org_id and l.page_id = p_page_id;
end;
$$;
