-- Takes over events that another service reports, each once by p_event_ids: they stand in the
-- timeline beside messages. Returns how many were new.
create or replace function record_timeline_events(
  p_org_ids uuid[],
  p_event_ids uuid[],
  p_reporter text,
  p_types text[],
  p_lead_ids uuid[],
  p_subject_ids uuid[],
  p_payloads jsonb[],
  p_content_hashes text[],
  p_occurred_ats timestamptz[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_new int;
begin
  perform set_tenant(p_org_ids);
  with registered as (
    insert into told_events (org_id, event_id, teller, type, outcome, told_at, recorded_at, trace_id)
    select distinct on (e.org_id, e.event_id)
      e.org_id, e.event_id, p_reporter, e.type, 'stored', e.occurred_at, p_now,
      substr(e.traceparent, 4, 32)
    from unnest(p_org_ids, p_event_ids, p_types, p_occurred_ats, p_traceparents)
      as e (org_id, event_id, type, occurred_at, traceparent)
    order by e.org_id, e.event_id
    on conflict do nothing
    returning org_id, event_id
  ), stored as (
    insert into contact_interaction_events (org_id, event_id, scope, lead_id, subject_id, type,
      direction, target, message_id, occurred_at, content_hash, content_at, payload, created_at,
      trace_id)
    select distinct on (e.org_id, e.event_id)
      e.org_id, e.event_id, p_reporter, e.lead_id, e.subject_id, e.type, 'none',
      coalesce(e.subject_id::text, ''), e.event_id::text, e.occurred_at, e.content_hash,
      e.occurred_at, e.payload, p_now, substr(e.traceparent, 4, 32)
    from unnest(p_org_ids, p_event_ids, p_types, p_lead_ids, p_subject_ids, p_payloads,
        p_content_hashes, p_occurred_ats, p_traceparents)
      as e (org_id, event_id, type, lead_id, subject_id, payload, content_hash, occurred_at,
        traceparent)
    join registered using (org_id, event_id)
    order by e.org_id, e.event_id
    on conflict do nothing
  )
  select count(*) into v_new from registered;
  return v_new;
end;
$$;
