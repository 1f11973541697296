-- Returns imports that were claimed but not read: they are due at once, as if they had not been
-- claimed. Imports whose claim p_token no longer holds stay as they are. Returns how many changed.
create or replace function return_imports(
  p_org_ids uuid[],
  p_import_ids uuid[],
  p_token uuid,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_returned int;
begin
  perform set_tenant(p_org_ids);
  with held as materialized (
    select i.org_id, i.import_id
    from imports i
    join unnest(p_org_ids, p_import_ids) as n (org_id, import_id) using (org_id, import_id)
    where i.claim_token = p_token -- fence: token
      and i.claim_expires_at > p_now -- fence: lease
    order by i.org_id, i.import_id
    for update of i
  )
  update imports i
  set due_at = p_now,
      claim_token = null,
      claim_expires_at = null
  from held h
  where i.org_id = h.org_id and i.import_id = h.import_id;
  get diagnostics v_returned = row_count;
  return v_returned;
end;
$$;
