-- Stores those of the events that are new (p_new) and readable in their conversations, and registers
-- them as stored.
-- For use by other functions, which have set the tenant the org.
create or replace function store_page_events(
  p_org_ids uuid[],
  p_events page_event[],
  p_new uuid[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_stored uuid[];
begin
  with readable as (
    -- A batch may report the same event twice.
    select distinct on (e.org_id, e.event_id) e.*
    from unnest(p_org_ids, p_events) with ordinality as e (org_id)
    where e.reject_reason is null and e.event_id = any (p_new)
    order by e.org_id, e.event_id, e.ordinality
  ), numbered as (
    -- Each event brings its conversation: position n of the one is position n of the other.
    select p.page_id, r.*, row_number() over (order by r.ordinality) as n
    from readable r
    join pages p using (org_id, platform, facebook_page_id)
  ), packed as (
    select array_agg(b.org_id order by n) as org_ids, array_agg(b.page_id order by n) as page_ids,
      array_agg(row(gen_random_uuid(), b.contact_external_id, null, '', null, 0, null)
        ::conversation_to_store order by n) as conversations,
      array_agg(b.traceparent order by n) as traceparents,
      array_agg(row(n, b.event_id, b.type, b.direction, b.actor, b.target, b.message_id,
        b.occurred_at, b.content_hash, b.content_at, b.text, b.payload)::event_to_store order by n)
        as events
    from numbered b
    having count(*) > 0
  )
  select coalesce(array_agg(b.event_id) filter (where b.outcome = 'stored'), '{}') into v_stored
  from packed k
  cross join lateral bulk_upsert_conversations_with_events(k.org_ids, k.page_ids, k.conversations,
    k.traceparents, k.events, 'webhook', p_now) b;
  update told_events t
  set outcome = 'stored'
  where (t.org_id, t.event_id) in (
      select e.org_id, e.event_id from unnest(p_org_ids, p_events) as e (org_id))
    and t.event_id = any (v_stored);
end;
$$;
