-- Registers events that ingest reports, each once by its event_id. Returns the ids of the new ones.
-- A readable one counts as a duplicate until it is stored.
-- For use by other functions, which have set the tenant the org.
create or replace function register_page_events(
  p_org_ids uuid[],
  p_events page_event[],
  p_now timestamptz
) returns uuid[]
language sql
set search_path from current
as $$
  with registered as (
    insert into told_events (org_id, event_id, teller, page_id, type, outcome, told_at,
      recorded_at, trace_id)
    select distinct on (e.org_id, e.event_id)
      e.org_id, e.event_id, 'ingest', p.page_id, e.type,
      case when e.reject_reason is null then 'duplicate' else 'rejected' end, e.reported_at, p_now,
      substr(e.traceparent, 4, 32)
    from unnest(p_org_ids, p_events) as e (org_id)
    join pages p using (org_id, platform, facebook_page_id)
    order by e.org_id, e.event_id
    on conflict do nothing
    returning event_id
  )
  select coalesce(array_agg(r.event_id), '{}') from registered r;
$$;
