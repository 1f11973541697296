-- Takes over Messenger and Instagram events that ingest tells of, each once by p_event_ids; one that
-- was taken over before is left out. A page that nobody connected yet is kept with its events.
-- Events that could not be read come with a p_reject_reason and are kept as they came.
-- Returns how many were new.
create or replace function record_page_events(
  p_org_ids uuid[],
  p_event_ids uuid[],
  p_platforms text[],
  p_facebook_page_ids text[],
  p_contact_external_ids text[],
  p_types text[],
  p_directions text[],
  p_actors text[],
  p_targets text[],
  p_message_ids text[],
  p_occurred_ats timestamptz[],
  p_content_hashes text[],
  p_content_ats timestamptz[],
  p_texts text[],
  p_payloads jsonb[],
  p_reject_reasons text[],
  p_raws json[],
  p_told_ats timestamptz[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_new uuid[];
  v_stored uuid[];
begin
  perform set_tenant(p_org_ids);
  insert into pages (org_id, page_id, platform, facebook_page_id, check_due_at, created_at, trace_id)
  select distinct on (e.org_id, e.platform, e.facebook_page_id)
    e.org_id, gen_random_uuid(), e.platform, e.facebook_page_id, p_now, p_now,
    substr(e.traceparent, 4, 32)
  from unnest(p_org_ids, p_platforms, p_facebook_page_ids, p_traceparents)
    as e (org_id, platform, facebook_page_id, traceparent)
  where not exists (
    select from pages p
    where p.org_id = e.org_id and p.platform = e.platform
      and p.facebook_page_id = e.facebook_page_id)
  order by e.org_id, e.platform, e.facebook_page_id
  on conflict do nothing;

  with taken as (
    insert into told_events (org_id, event_id, teller, page_id, type, outcome, told_at,
      recorded_at, trace_id)
    select distinct on (e.org_id, e.event_id)
      e.org_id, e.event_id, 'ingest', p.page_id, e.type,
      case when e.reject_reason is null then 'duplicate' else 'rejected' end, e.told_at, p_now,
      substr(e.traceparent, 4, 32)
    from unnest(p_org_ids, p_event_ids, p_platforms, p_facebook_page_ids, p_types,
        p_reject_reasons, p_told_ats, p_traceparents)
      as e (org_id, event_id, platform, facebook_page_id, type, reject_reason, told_at, traceparent)
    join pages p
      on p.org_id = e.org_id and p.platform = e.platform and p.facebook_page_id = e.facebook_page_id
    order by e.org_id, e.event_id
    on conflict do nothing
    returning event_id
  )
  select coalesce(array_agg(t.event_id), '{}') into v_new from taken t;

  -- At most once a second for each page: a busy one's row is not written with every event.
  update pages p
  set last_webhook_at = p_now
  from (
    select q.org_id, q.page_id
    from pages q
    where (q.org_id, q.platform, q.facebook_page_id) in (
        select * from unnest(p_org_ids, p_platforms, p_facebook_page_ids))
      and (q.last_webhook_at is null or q.last_webhook_at < p_now - interval '1 second')
    -- In one order for everybody, so that two batches wait for each other and never in a circle.
    order by q.org_id, q.page_id
    for update) e
  where p.org_id = e.org_id and p.page_id = e.page_id;

  -- Each event brings its conversation: position n of the one is position n of the other.
  with told as (
    -- A batch may tell the same event twice.
    select distinct on (e.org_id, e.event_id) e.*
    from unnest(p_org_ids, p_event_ids, p_platforms, p_facebook_page_ids, p_contact_external_ids,
        p_types, p_directions, p_actors, p_targets, p_message_ids, p_occurred_ats,
        p_content_hashes, p_content_ats, p_texts, p_payloads, p_reject_reasons, p_traceparents)
      with ordinality
      as e (org_id, event_id, platform, facebook_page_id, contact, type, direction, actor, target,
        message_id, occurred_at, content_hash, content_at, text, payload, reject_reason,
        traceparent, position)
    where e.reject_reason is null and e.event_id = any (v_new)
    order by e.org_id, e.event_id, e.position
  ), given as (
    select p.page_id, e.*, row_number() over (order by e.position) as n
    from told e
    join pages p
      on p.org_id = e.org_id and p.platform = e.platform and p.facebook_page_id = e.facebook_page_id
  ), packed as (
    select count(*)::int as events,
      array_agg(g.org_id order by n) as org_ids, array_agg(g.page_id order by n) as page_ids,
      array_agg(gen_random_uuid() order by n) as conversation_ids,
      array_agg(g.contact order by n) as contacts, array_agg(g.event_id order by n) as event_ids,
      array_agg(g.type order by n) as types, array_agg(g.direction order by n) as directions,
      array_agg(g.actor order by n) as actors, array_agg(g.target order by n) as targets,
      array_agg(g.message_id order by n) as message_ids,
      array_agg(g.occurred_at order by n) as occurred_ats,
      array_agg(g.content_hash order by n) as content_hashes,
      array_agg(g.content_at order by n) as content_ats, array_agg(g.text order by n) as texts,
      array_agg(g.payload order by n) as payloads,
      array_agg(g.traceparent order by n) as traceparents, array_agg(n::int order by n) as positions
    from given g
  )
  select coalesce(array_agg(b.event_id) filter (where b.outcome = 'stored'), '{}') into v_stored
  from packed k
  cross join lateral bulk_upsert_conversations_with_events(
    k.org_ids, k.page_ids, k.conversation_ids, k.contacts, array_fill(null::text, array[k.events]),
    array_fill(''::text, array[k.events]), array_fill(null::timestamptz, array[k.events]),
    array_fill(0, array[k.events]), array_fill(null::text, array[k.events]), k.traceparents,
    k.positions, k.event_ids, k.types, k.directions, k.actors, k.targets, k.message_ids,
    k.occurred_ats, k.content_hashes, k.content_ats, k.texts, k.payloads,
    array_fill('webhook'::text, array[k.events]), p_now) b
  where k.events > 0;
  update told_events t
  set outcome = 'stored'
  where (t.org_id, t.event_id) in (
      select * from unnest(p_org_ids, p_event_ids))
    and t.event_id = any (v_stored);

  perform set_tenant(p_org_ids);
  perform keep_rejects(
    array_agg(e.org_id), array_agg(p.page_id), array_agg('webhook'::text), array_agg('event'::text),
    array_agg(e.reason), array_agg(e.event_id::text), array_agg(e.raw), array_agg(e.traceparent),
    p_now)
  from (
    select distinct on (r.org_id, r.event_id) r.*
    from unnest(p_org_ids, p_event_ids, p_platforms, p_facebook_page_ids, p_reject_reasons, p_raws,
        p_traceparents)
      as r (org_id, event_id, platform, facebook_page_id, reason, raw, traceparent)
    where r.reason is not null and r.event_id = any (v_new)
    order by r.org_id, r.event_id) e
  join pages p
    on p.org_id = e.org_id and p.platform = e.platform and p.facebook_page_id = e.facebook_page_id
  having count(*) > 0;
  return cardinality(v_new);
end;
$$;
