-- Lengthens the lease that p_token holds to p_lease_seconds from now. False: it was lost.
create or replace function extend_sync_lock(
  p_org_id uuid,
  p_page_id uuid,
  p_token uuid,
  p_lease_seconds double precision,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  update sync_locks l
  set expires_at = p_now + make_interval(secs => p_lease_seconds)
  where l.org_id = p_org_id and l.page_id = p_page_id
    and l.token = p_token -- fence: token
    and l.expires_at > p_now; -- fence: lease
  return found;
end;
$$;
