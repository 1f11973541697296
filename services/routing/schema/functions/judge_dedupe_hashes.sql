-- What the leads' hashes say of each lead: its first hash, how many it has, and the lead that holds
-- one of them now instead (null: none does). Parallel arrays, one element a hash; one row for each
-- lead that has a hash. For `complete_routings`, which has entered and taken what was free.
create or replace function judge_dedupe_hashes(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_hashes text[],
  p_now timestamptz
) returns table (
  org_id uuid,
  lead_id uuid,
  first_hash text,
  hash_count bigint,
  holder_lead_id uuid
)
language sql
stable
set search_path from current
as $$
  select i.org_id, i.lead_id, (array_agg(i.hash order by i.ordinal))[1], count(distinct i.hash),
    min(d.lead_id::text)::uuid
  from unnest(p_org_ids, p_lead_ids, p_hashes) with ordinality
    as i (org_id, lead_id, hash, ordinal)
  -- One look-up by key a hash, whatever the statistics of a table that fills fast say.
  left join lateral (
    select d.lead_id
    from lead_dedupe_hashes d
    where d.org_id = i.org_id and d.hash = i.hash and d.until > p_now
    limit 1
  ) d on d.lead_id <> i.lead_id
  group by i.org_id, i.lead_id;
$$;
