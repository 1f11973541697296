-- Counts of each of the org's pages, with the ledger of losses.
create or replace function list_sync_statistics(p_org_id uuid, p_limit int)
returns setof sync_statistics
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select t.* from sync_statistics t where t.org_id = p_org_id order by t.page_id limit p_limit;
end;
$$;
