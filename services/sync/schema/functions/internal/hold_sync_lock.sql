-- The fence of everything that is written under a lease: lengthens the lease that p_token holds, and
-- locks it against another holder until the transaction ends.
-- Raises WB108 SYNC_LEASE_LOST when it ended or another worker holds the page.
-- For use by other functions, which have set the tenant the org.
create or replace function hold_sync_lock(
  p_org_id uuid,
  p_page_id uuid,
  p_session_id uuid,
  p_token uuid,
  p_lease_seconds double precision,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  update sync_locks l
  set expires_at = greatest(l.expires_at, p_now + make_interval(secs => p_lease_seconds))
  where l.org_id = p_org_id and l.page_id = p_page_id
    and l.token = p_token -- fence: token
    and l.expires_at > p_now; -- fence: lease
  if not found then
    perform refuse(108, 'The lease on the page was lost; nothing was changed.',
      jsonb_build_object('session_id', p_session_id));
  end if;
end;
$$;
