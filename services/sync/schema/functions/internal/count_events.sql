-- Counts in the pages' ledger what was received and what became of it: 'stored' are p_stored, the
-- rest are duplicates.
-- For use by other functions, which have set the tenant the org.
create or replace function count_events(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_events event_to_store[],
  p_stored uuid[],
  p_origin text,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  insert into sync_ledger as l (org_id, page_id, day, origin, received, stored, duplicate)
  select p_org_ids[g.conversation_position], p_page_ids[g.conversation_position],
    (p_now at time zone 'utc')::date, p_origin, count(*), count(s.event_id),
    count(*) - count(s.event_id)
  from unnest(p_events) as g
  left join unnest(p_stored) as s (event_id) using (event_id)
  group by 1, 2
  order by 1, 2
  on conflict (org_id, page_id, day, origin) do update
  set received = l.received + excluded.received,
      stored = l.stored + excluded.stored,
      duplicate = l.duplicate + excluded.duplicate;
end;
$$;
