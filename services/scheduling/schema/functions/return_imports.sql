-- Gives imports back that were claimed and not read: due at once, as though nobody had claimed them.
-- Those that p_token holds no more stay as they are. Returns how many were given back.
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
    where i.claim_token = p_token and i.claim_expires_at > p_now
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
