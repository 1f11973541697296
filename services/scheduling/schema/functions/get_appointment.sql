-- An appointment that is not deleted, or no row.
create or replace function get_appointment(p_org_id uuid, p_appointment_id uuid)
returns table (appointment jsonb)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select to_appointment(a)
  from appointments a
  where a.org_id = p_org_id and a.appointment_id = p_appointment_id and a.deleted_at is null;
end;
$$;
