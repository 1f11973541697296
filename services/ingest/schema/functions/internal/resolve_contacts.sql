-- Finds or makes the contact of each lead, in the order given; the caller has set the tenant.
-- A lead brings identities [{kind, value}] and an id for the contact should it be a new one. The
-- contact that an identity is known for wins, the longest known first; leads of one call that share
-- an identity share the contact. Identities are written in sorted order, so that two calls wait for
-- each other instead of deadlocking.
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
    -- Nobody was known or is named twice: most calls bring new persons alone.
    v_contacts := v_candidates;
  else
    -- A competitor that committed meanwhile has made the contact instead of us: what was just
    -- written for ours (no such contact is there yet) joins it.
    update contact_identities c
    set contact_id = w.contact_id
    from (
      select distinct on (g.org_id, g.candidate_id) g.org_id, g.candidate_id, k.contact_id
      from unnest(p_org_ids, p_leads, v_candidates) as g (org_id, lead, candidate_id)
      cross join jsonb_to_recordset(g.lead -> 'identities') as i (kind text, value text)
      join lateral (
        select k.contact_id, k.created_at
        from contact_identities k
        where k.org_id = g.org_id and k.kind = i.kind and k.value = i.value
        limit 1
      ) k on k.contact_id <> g.candidate_id
      order by g.org_id, g.candidate_id, k.created_at, k.contact_id) w
    cross join lateral (
      -- By key: ours are among those given.
      select distinct i.kind, i.value
      from unnest(p_org_ids, p_leads, v_candidates) as g (org_id, lead, candidate_id)
      cross join jsonb_to_recordset(g.lead -> 'identities') as i (kind text, value text)
      where g.org_id = w.org_id and g.candidate_id = w.candidate_id
    ) own
    where c.org_id = w.org_id and c.kind = own.kind and c.value = own.value
      and c.contact_id = w.candidate_id
      and not exists (
        select from contacts e where e.org_id = c.org_id and e.contact_id = c.contact_id);

    select array_agg(coalesce(r.contact_id, v_candidates[p.position]) order by p.position)
    into v_contacts
    from generate_subscripts(p_org_ids, 1) as p (position)
    left join lateral (
      select c.contact_id
      from jsonb_to_recordset(p_leads[p.position] -> 'identities') as i (kind text, value text)
      cross join lateral (
        select c.contact_id, c.created_at
        from contact_identities c
        where c.org_id = p_org_ids[p.position] and c.kind = i.kind and c.value = i.value
        limit 1
      ) c
      order by c.created_at, c.contact_id
      limit 1) r on true;
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
