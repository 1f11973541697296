-- Retires every secret and verify token of an app but the newest of each: one that leaked is no longer
-- valid. Returns how many; a repeat finds none. Raises WB027 APP_NOT_FOUND.
create or replace function retire_app_secrets(
  p_external_app_id text,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  c_no_org constant uuid := '00000000-0000-0000-0000-000000000000';
  v_app_id uuid;
  v_retired int;
begin
  perform set_tenant(array[c_no_org], null, p_traceparent);
  select a.app_id into v_app_id from apps a where a.external_app_id = p_external_app_id;
  if v_app_id is null then
    perform refuse(27, 'There is no such app.',
      jsonb_build_object('external_app_id', p_external_app_id));
  end if;
  update app_secrets s
  set retired_at = p_now
  where s.app_id = v_app_id and s.retired_at is null and exists (
    select from app_secrets n
    where n.app_id = s.app_id and n.kind = s.kind and n.retired_at is null
      and (n.created_at, n.secret_id) > (s.created_at, s.secret_id));
  get diagnostics v_retired = row_count;
  return v_retired;
end;
$$;
