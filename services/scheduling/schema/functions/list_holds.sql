-- A page of holds, oldest first, after the pair (p_after_at, p_after_id) where that is given; of
-- one status, or of all where that is null. An expired hold is 'live' until the sweep ends it.
create or replace function list_holds(
  p_org_id uuid,
  p_status text,
  p_limit int,
  p_after_at timestamptz default null,
  p_after_id uuid default null
) returns table (hold jsonb, created_at timestamptz)
language plpgsql
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_hold(h), h.created_at
  from holds h
  where h.org_id = p_org_id
    and (p_status is null or h.status = p_status)
    and (p_after_at is null or (h.created_at, h.hold_id) > (p_after_at, p_after_id))
  order by h.created_at, h.hold_id
  limit p_limit;
end;
$$;
