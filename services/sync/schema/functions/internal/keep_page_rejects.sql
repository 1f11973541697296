-- Stores those of the events that are new (p_new) and could not be read as rejects of their pages.
-- For use by other functions, which have set the tenant the org.
create or replace function keep_page_rejects(
  p_org_ids uuid[],
  p_events page_event[],
  p_new uuid[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  select keep_rejects(array_agg(r.org_id), array_agg(r.page_id),
    array_agg(row('event', r.reject_reason, r.event_id::text, r.raw)::reject_to_store),
    array_agg(r.traceparent), 'webhook', p_now)
  from (
    select distinct on (e.org_id, e.event_id) e.*, p.page_id
    from unnest(p_org_ids, p_events) as e (org_id)
    join pages p using (org_id, platform, facebook_page_id)
    where e.reject_reason is not null and e.event_id = any (p_new)
    order by e.org_id, e.event_id) r
  having count(*) > 0;
$$;
