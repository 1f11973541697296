-- Notes that webhooks of the pages came, at most once a second for each: a busy page's row is not
-- written with every event.
-- For use by other functions, which have set the tenant the org.
create or replace function note_webhooks(
  p_org_ids uuid[],
  p_events page_event[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  update pages p
  set last_webhook_at = p_now
  from (
    select q.org_id, q.page_id
    from pages q
    where (q.org_id, q.platform, q.facebook_page_id) in (
        select e.org_id, e.platform, e.facebook_page_id
        from unnest(p_org_ids, p_events) as e (org_id))
      and (q.last_webhook_at is null or q.last_webhook_at < p_now - interval '1 second')
    -- All batches lock in the same order, so that two wait for each other and never in a circle.
    order by q.org_id, q.page_id
    for update) e
  where p.org_id = e.org_id and p.page_id = e.page_id;
$$;
