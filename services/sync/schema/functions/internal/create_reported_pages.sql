-- Creates the pages of events that are not known yet; their health is checked at once.
-- For use by other functions, which have set the tenant the org.
create or replace function create_reported_pages(
  p_org_ids uuid[],
  p_events page_event[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  insert into pages (org_id, page_id, platform, facebook_page_id, check_due_at, created_at, trace_id)
  select distinct on (e.org_id, e.platform, e.facebook_page_id)
    e.org_id, gen_random_uuid(), e.platform, e.facebook_page_id, p_now, p_now,
    substr(e.traceparent, 4, 32)
  from unnest(p_org_ids, p_events) as e (org_id)
  where not exists (
    select from pages p
    where p.org_id = e.org_id and p.platform = e.platform
      and p.facebook_page_id = e.facebook_page_id)
  order by e.org_id, e.platform, e.facebook_page_id
  on conflict do nothing;
$$;
