-- One session of the org, or no row.
create or replace function get_sync(p_org_id uuid, p_session_id uuid)
returns setof sync_state
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select s.* from sync_state s where s.org_id = p_org_id and s.session_id = p_session_id;
end;
$$;
