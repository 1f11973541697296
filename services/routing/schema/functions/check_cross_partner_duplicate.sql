-- Whether another lead of the org, in any workspace, holds one of these hashes now.
--   - only a yes or a no, so that no partner learns what another one has;
--   - it promises nothing about the next moment: what keeps two equal leads apart is the key of
--     lead_dedupe_hashes, which `complete_routings` writes.
create or replace function check_cross_partner_duplicate(
  p_org_id uuid,
  p_lead_id uuid,
  p_hashes text[],
  p_now timestamptz default now()
) returns boolean
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return exists (
    select from find_dedupe_holders(
      array_fill(p_org_id, array[cardinality(p_hashes)]),
      array_fill(p_lead_id, array[cardinality(p_hashes)]),
      p_hashes,
      p_now));
end;
$$;
