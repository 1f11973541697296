-- The org's sessions that have not ended, oldest first.
create or replace function list_active_syncs(p_org_id uuid, p_limit int)
returns setof sync_state
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select s.*
  from active_syncs a
  join sync_state s using (org_id, session_id)
  where a.org_id = p_org_id
  order by a.started_at, a.session_id
  limit p_limit;
end;
$$;
