-- Stores what could not be read, each once by the hash of its content, and counts it.
-- For use by other functions, which have set the tenant the org.
create or replace function keep_rejects(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_rejects reject_to_store[],
  p_traceparents text[],
  p_origin text,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  with stored as (
    insert into sync_rejects (org_id, reject_id, page_id, origin, kind, reason, raw_hash, raw,
      created_at, trace_id)
    select r.org_id, gen_random_uuid(), r.page_id, p_origin, r.kind, r.reason, r.raw_hash, r.raw,
      p_now, substr(r.traceparent, 4, 32)
    from unnest(p_org_ids, p_page_ids, p_traceparents, p_rejects)
      as r (org_id, page_id, traceparent)
    order by r.org_id, r.page_id, r.kind, r.raw_hash
    on conflict (org_id, page_id, origin, kind, raw_hash) do nothing
    returning org_id, page_id
  ), received as (
    select g.org_id, g.page_id, count(*) as received
    from unnest(p_org_ids, p_page_ids) as g (org_id, page_id)
    group by 1, 2
  )
  insert into sync_ledger as l (org_id, page_id, day, origin, received, duplicate, rejected)
  select r.org_id, r.page_id, (p_now at time zone 'utc')::date, p_origin, r.received,
    r.received - coalesce(s.stored, 0), coalesce(s.stored, 0)
  from received r
  left join (select org_id, page_id, count(*) as stored from stored group by 1, 2) s
    using (org_id, page_id)
  order by 1, 2
  on conflict (org_id, page_id, day, origin) do update
  set received = l.received + excluded.received,
      duplicate = l.duplicate + excluded.duplicate,
      rejected = l.rejected + excluded.rejected;
end;
$$;
