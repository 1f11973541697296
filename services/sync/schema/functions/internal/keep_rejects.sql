-- Keeps what could not be read, each once by the hash of its content, and counts it.
-- For use by other functions, which have set the tenant the org.
create or replace function keep_rejects(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_origins text[],
  p_kinds text[],
  p_reasons text[],
  p_hashes text[],
  p_raws json[],
  p_traceparents text[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  with kept as (
    insert into sync_rejects (org_id, reject_id, page_id, origin, kind, reason, raw_hash, raw,
      created_at, trace_id)
    select r.org_id, gen_random_uuid(), r.page_id, r.origin, r.kind, r.reason, r.hash, r.raw,
      p_now, substr(r.traceparent, 4, 32)
    from unnest(p_org_ids, p_page_ids, p_origins, p_kinds, p_reasons, p_hashes, p_raws,
        p_traceparents)
      as r (org_id, page_id, origin, kind, reason, hash, raw, traceparent)
    order by r.org_id, r.page_id, r.origin, r.kind, r.hash
    on conflict (org_id, page_id, origin, kind, raw_hash) do nothing
    returning org_id, page_id, origin
  ), given as (
    select g.org_id, g.page_id, g.origin, count(*) as received
    from unnest(p_org_ids, p_page_ids, p_origins) as g (org_id, page_id, origin)
    group by 1, 2, 3
  )
  insert into sync_ledger as l (org_id, page_id, day, origin, received, duplicate, rejected)
  select g.org_id, g.page_id, (p_now at time zone 'utc')::date, g.origin, g.received,
    g.received - coalesce(k.kept, 0), coalesce(k.kept, 0)
  from given g
  left join (select org_id, page_id, origin, count(*) as kept from kept group by 1, 2, 3) k
    using (org_id, page_id, origin)
  order by 1, 2, 3, 4
  on conflict (org_id, page_id, day, origin) do update
  set received = l.received + excluded.received,
      duplicate = l.duplicate + excluded.duplicate,
      rejected = l.rejected + excluded.rejected;
end;
$$;
