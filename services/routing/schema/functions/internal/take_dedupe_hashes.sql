-- Takes each hash for its lead unless another lead holds it in a window that is not over. For use by
-- complete_routings, which has set the tenant and holds the leads.
--   - workspaces are a parallel array of the leads, hashes are parallel arrays of their own; leads that
--     are not in p_held take none;
--   - where two leads of one batch share a hash, the first in the arrays takes it;
--   - returns one row for each held lead that has a hash: its first hash, how many of its hashes it
--     holds, and the lead that holds one of them instead (null: none does);
--   - waits for a competitor that takes the same hash at the same moment. Every caller takes hashes in
--     the same order, so that two batches cannot wait for each other.
create or replace function take_dedupe_hashes(
  p_held held_lead[],
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_workspace_ids uuid[],
  p_hash_org_ids uuid[],
  p_hash_lead_ids uuid[],
  p_hashes text[],
  p_until timestamptz,
  p_now timestamptz
) returns table (
  org_id uuid,
  lead_id uuid,
  first_hash text,
  hash_count bigint,
  holder_lead_id uuid
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_org_ids uuid[];
  v_hashes text[];
  v_lead_ids uuid[];
begin
  with taken as (
    insert into lead_dedupe_hashes
      (org_id, hash, lead_id, workspace_id, claimed_at, until, trace_id)
    select distinct on (i.org_id, i.hash collate "C")
      i.org_id, i.hash, i.lead_id, w.workspace_id, p_now, p_until, l.trace_id
    from unnest(p_hash_org_ids, p_hash_lead_ids, p_hashes) with ordinality
      as i (org_id, lead_id, hash, ordinal)
    join unnest(p_held) l using (org_id, lead_id)
    join unnest(p_org_ids, p_lead_ids, p_workspace_ids) as w (org_id, lead_id, workspace_id)
      using (org_id, lead_id)
    order by i.org_id, i.hash collate "C", i.ordinal
    on conflict (org_id, hash) do update
    set lead_id = excluded.lead_id,
        workspace_id = excluded.workspace_id,
        claimed_at = excluded.claimed_at,
        until = excluded.until,
        trace_id = excluded.trace_id
    where lead_dedupe_hashes.until <= p_now -- fence: window
    returning org_id, hash, lead_id
  )
  select array_agg(t.org_id), array_agg(t.hash), array_agg(t.lead_id)
  into v_org_ids, v_hashes, v_lead_ids
  from taken t;

  -- A statement of its own: it sees what was committed while we waited for a competitor.
  return query
  select i.org_id, i.lead_id, (array_agg(i.hash order by i.ordinal))[1],
    count(distinct i.hash) filter (where h.lead_id = i.lead_id),
    min(h.lead_id::text) filter (where h.lead_id <> i.lead_id)::uuid
  from unnest(p_hash_org_ids, p_hash_lead_ids, p_hashes) with ordinality
    as i (org_id, lead_id, hash, ordinal)
  join unnest(p_held) using (org_id, lead_id)
  left join unnest(v_org_ids, v_hashes, v_lead_ids) as t (org_id, hash, lead_id)
    using (org_id, hash)
  -- One look-up by key for what was not taken, whatever the statistics of a table that fills fast say.
  left join lateral (
    select d.lead_id
    from lead_dedupe_hashes d
    where t.lead_id is null and d.org_id = i.org_id and d.hash = i.hash and d.until > p_now
    limit 1
  ) d on true
  cross join lateral (select coalesce(t.lead_id, d.lead_id) as lead_id) h
  group by i.org_id, i.lead_id;
end;
$$;
