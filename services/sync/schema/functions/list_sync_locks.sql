-- The leases on the org's pages that have not ended, oldest first.
create or replace function list_sync_locks(
  p_org_id uuid,
  p_limit int,
  p_now timestamptz default now()
) returns table (
  page_id uuid,
  locked_by text,
  locked_at timestamptz,
  expires_at timestamptz,
  session_id uuid
)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select l.page_id, l.locked_by, l.locked_at, l.expires_at, l.session_id
  from sync_locks l
  where l.org_id = p_org_id
    and l.expires_at > p_now -- not a fence: a list
  order by l.locked_at, l.page_id
  limit p_limit;
end;
$$;
