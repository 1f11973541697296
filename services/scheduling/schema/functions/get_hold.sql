-- One hold in whatever status, or no row.
create or replace function get_hold(p_org_id uuid, p_hold_id uuid)
returns table (hold jsonb)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_hold(h)
  from holds h
  where h.org_id = p_org_id and h.hold_id = p_hold_id;
end;
$$;
