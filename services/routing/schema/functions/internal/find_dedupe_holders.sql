-- Which of the leads' hashes another lead holds now: one row for each such hash.
-- Parallel arrays, one element a hash; the caller has set the tenant.
create or replace function find_dedupe_holders(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_hashes text[],
  p_now timestamptz
) returns table (org_id uuid, lead_id uuid, holder_lead_id uuid)
language sql
stable
set search_path from current
as $$
  select i.org_id, i.lead_id, d.lead_id
  from unnest(p_org_ids, p_lead_ids, p_hashes) as i (org_id, lead_id, hash)
  -- One look-up by key a hash, whatever the statistics of a table that fills fast say.
  cross join lateral (
    select d.lead_id
    from lead_dedupe_hashes d
    where d.org_id = i.org_id and d.hash = i.hash and d.until > p_now
    limit 1
  ) d
  where d.lead_id <> i.lead_id;
$$;
