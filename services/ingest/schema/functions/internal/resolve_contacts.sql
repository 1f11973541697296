-- Finds or makes the contact of each lead, in the order given; the caller has set the tenant.
--   - a lead brings identities [{kind, value}] and an id for the contact, used if it is a new one;
--   - the contact that an identity belongs to wins, the longest known first;
--   - leads of one call that share an identity share the contact;
--   - identities are written in sorted order, so that two calls wait for each other instead of
--     deadlocking.
create or replace function resolve_contacts(
  p_org_ids uuid[],
  p_leads jsonb[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns uuid[]
language plpgsql
set search_path from current
as $$
declare
  v_candidates uuid[];
  v_contacts uuid[];
  v_given_count int;
  v_written_count int;
begin
  with given as (
    select g.position, g.org_id, i.kind, i.value
    from unnest(p_org_ids, p_leads) with ordinality as g (org_id, lead, position)
    cross join jsonb_to_recordset(g.lead -> 'identities') as i (kind text, value text)
  ), shared as (
    select position, min(first_position) as first_position
    from (
      select position, min(position) over (partition by org_id, kind, value) as first_position
      from given) s
    group by position
  ), known as (
    select distinct on (g.position) g.position, c.contact_id
    from given g
    -- One look-up by key an identity, here and below: a join could read all of an org's.
    cross join lateral (
      select c.contact_id, c.created_at
      from contact_identities c
      where c.org_id = g.org_id and c.kind = g.kind and c.value = g.value
      limit 1
    ) c
    order by g.position, c.created_at, c.contact_id
  )
  select array_agg(
    coalesce(
      own.contact_id,
      first_one.contact_id,
      (p_leads[coalesce(s.first_position, p.position)] ->> 'contact_id')::uuid)
    order by p.position),
    (select count(*) from given)
  into v_candidates, v_given_count
  from generate_subscripts(p_org_ids, 1) as p (position)
  left join shared s using (position)
  left join known own on own.position = p.position
  left join known first_one on first_one.position = s.first_position;

  insert into contact_identities (org_id, kind, value, contact_id, created_at, trace_id)
  select distinct on (g.org_id, i.kind, i.value)
    g.org_id, i.kind, i.value, v_candidates[g.position], p_now, substr(g.traceparent, 4, 32)
  from unnest(p_org_ids, p_leads, p_traceparents) with ordinality
    as g (org_id, lead, traceparent, position)
  cross join jsonb_to_recordset(g.lead -> 'identities') as i (kind text, value text)
  order by g.org_id, i.kind, i.value, g.position
  on conflict do nothing;
  get diagnostics v_written_count = row_count;

  if v_written_count = v_given_count then
    -- No person was known or is named twice: most calls bring only new persons.
    v_contacts := v_candidates;
  else
    v_contacts := join_known_contacts(p_org_ids, p_leads, v_candidates);
  end if;

  insert into contacts (org_id, contact_id, display_name, created_at, trace_id)
  select distinct on (g.org_id, g.contact_id)
    g.org_id, g.contact_id, coalesce(g.lead ->> 'full_name', ''), p_now,
    substr(g.traceparent, 4, 32)
  from unnest(p_org_ids, p_leads, p_traceparents, v_contacts) with ordinality
    as g (org_id, lead, traceparent, contact_id, position)
  order by g.org_id, g.contact_id, g.position
  on conflict do nothing;
  return v_contacts;
end;
$$;
