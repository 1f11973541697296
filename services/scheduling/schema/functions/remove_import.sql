-- Stops an import and deletes its busy times; a repeat changes nothing.
-- Raises WB095 IMPORT_NOT_FOUND.
create or replace function remove_import(
  p_org_id uuid,
  p_import_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_status text;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select i.status into v_status
  from imports i
  where i.org_id = p_org_id and i.import_id = p_import_id
  for update;
  if not found then
    perform refuse(95, 'There is no such import.', jsonb_build_object('import_id', p_import_id));
  end if;
  if v_status = 'active' then
    update imports
    set status = 'removed',
        claim_token = null
    where org_id = p_org_id and import_id = p_import_id;
    delete from external_busy where org_id = p_org_id and import_id = p_import_id;
    perform record_change(p_org_id, 'import', p_import_id, 'removed', 'tenant',
      '{"status": "active"}', '{"status": "removed"}', p_traceparent, p_now);
  end if;
end;
$$;
