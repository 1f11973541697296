-- Takes leads over: parallel arrays, one element a lead. A lead that is here already stays as it is,
-- so a repeat is harmless; its trace tells of the repeat. A lead expires 90 days after it was received.
-- Returns how many were new.
create or replace function enqueue_leads(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_source_ids uuid[],
  p_phones text[],
  p_emails text[],
  p_facts jsonb[],
  p_received_ats timestamptz[],
  p_traceparents text[],
  p_tracestates text[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  c_lifetime constant interval := '90 days';
  v_new int;
begin
  perform set_tenant(p_org_ids);
  with taken as materialized (
    select l.*
    from unnest(p_org_ids, p_lead_ids, p_source_ids, p_phones, p_emails, p_facts, p_received_ats,
        p_traceparents, p_tracestates)
      with ordinality
      as l (org_id, lead_id, source_id, phone, email, facts, received_at, traceparent, tracestate,
        place)
  ), new as (
    insert into lead_facts
      (org_id, lead_id, source_id, phone, email, facts, received_at, trace_id)
    select t.org_id, t.lead_id, t.source_id, t.phone, t.email, t.facts, t.received_at,
      substr(t.traceparent, 4, 32)
    from taken t
    -- Two batches with leads in common must not wait for each other.
    order by t.org_id, t.lead_id, t.place
    on conflict do nothing
    returning org_id, lead_id
  )
  insert into leads (org_id, lead_id, enqueued_at, due_at, lead_expires_at, trace_id, traceparent,
    tracestate)
  select distinct on (t.org_id, t.lead_id)
    t.org_id, t.lead_id, p_now, p_now, t.received_at + c_lifetime, substr(t.traceparent, 4, 32),
    t.traceparent, t.tracestate
  from new n
  join taken t using (org_id, lead_id)
  order by t.org_id, t.lead_id, t.place;
  get diagnostics v_new = row_count;

  if v_new < cardinality(p_lead_ids) then
    perform note_repeats('enqueue_leads', array_agg(l.org_id), array_agg(l.lead_id::text),
      array_agg(l.trace_id::text), array_agg(substr(t.traceparent, 4, 32)), p_now)
    from unnest(p_org_ids, p_lead_ids, p_traceparents) as t (org_id, lead_id, traceparent)
    cross join lateral (
      select l.*
      from leads l
      where l.org_id = t.org_id
        and l.lead_id = t.lead_id
        and l.enqueued_at <> p_now -- fence: repeat
      limit 1
    ) l;
  end if;
  return v_new;
end;
$$;
