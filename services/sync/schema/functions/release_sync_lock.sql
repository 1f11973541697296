-- Releases the lease that p_token holds. False: no lease has that token.
create or replace function release_sync_lock(
  p_org_id uuid,
  p_page_id uuid,
  p_token uuid,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  delete from sync_locks l
  where l.org_id = p_org_id and l.page_id = p_page_id
    and l.token = p_token; -- fence: token
  return found;
end;
$$;
