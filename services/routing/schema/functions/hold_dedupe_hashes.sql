-- Takes each hash for its lead unless another lead holds it and its window is not over; inside the
-- transaction of `complete_routings`, which has entered. Parallel arrays, one element a hash; where
-- two leads of one batch share a hash, the one that comes first in the arrays takes it.
-- A competitor that takes the same hash at the same moment is waited for. Hashes are taken in the
-- same order by everybody, so that two batches cannot wait for each other.
create or replace function hold_dedupe_hashes(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_workspace_ids uuid[],
  p_hashes text[],
  p_trace_ids text[],
  p_until timestamptz,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  insert into lead_dedupe_hashes
    (org_id, hash, lead_id, workspace_id, claimed_at, until, trace_id)
  select distinct on (i.org_id, i.hash collate "C")
    i.org_id, i.hash, i.lead_id, i.workspace_id, p_now, p_until, i.trace_id
  from unnest(p_org_ids, p_lead_ids, p_workspace_ids, p_hashes, p_trace_ids) with ordinality
    as i (org_id, lead_id, workspace_id, hash, trace_id, ordinal)
  order by i.org_id, i.hash collate "C", i.ordinal
  on conflict (org_id, hash) do update
  set lead_id = excluded.lead_id,
      workspace_id = excluded.workspace_id,
      claimed_at = excluded.claimed_at,
      until = excluded.until,
      trace_id = excluded.trace_id
  where lead_dedupe_hashes.until <= p_now;
end;
$$;
