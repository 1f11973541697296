-- A page of waitlist entries in order of arrival, after the pair (p_after_at, p_after_id); of one
-- status, or of all where that is null.
create or replace function list_waitlist(
  p_org_id uuid,
  p_status text,
  p_limit int,
  p_after_at timestamptz default null,
  p_after_id uuid default null
) returns table (entry jsonb)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_waitlist_entry(e)
  from waitlist_entries e
  where e.org_id = p_org_id
    and (p_status is null or e.status = p_status)
    and (p_after_at is null or (e.created_at, e.entry_id) > (p_after_at, p_after_id))
  order by e.created_at, e.entry_id
  limit p_limit;
end;
$$;
