-- Settles who the contact of each lead is after its identities were written: the contact that holds
-- one of them the longest, else the candidate; the caller has set the tenant. Identities that were
-- written for a candidate whose contact another call has made meanwhile move to that contact.
-- For use by resolve_contacts.
create or replace function join_known_contacts(
  p_org_ids uuid[],
  p_leads jsonb[],
  p_candidate_ids uuid[]
) returns uuid[]
language plpgsql
set search_path from current
as $$
declare
  v_contacts uuid[];
begin
  -- A concurrent call that committed first has made the contact: the identities that were just
  -- written for our candidate, which is not a contact yet, move to that one.
  update contact_identities c
  set contact_id = w.contact_id
  from (
    select distinct on (g.org_id, g.candidate_id) g.org_id, g.candidate_id, k.contact_id
    from unnest(p_org_ids, p_leads, p_candidate_ids) as g (org_id, lead, candidate_id)
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
    from unnest(p_org_ids, p_leads, p_candidate_ids) as g (org_id, lead, candidate_id)
    cross join jsonb_to_recordset(g.lead -> 'identities') as i (kind text, value text)
    where g.org_id = w.org_id and g.candidate_id = w.candidate_id
  ) own
  where c.org_id = w.org_id and c.kind = own.kind and c.value = own.value
    and c.contact_id = w.candidate_id
    and not exists (
      select from contacts e where e.org_id = c.org_id and e.contact_id = c.contact_id);

  select array_agg(coalesce(r.contact_id, p_candidate_ids[p.position]) order by p.position)
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
  return v_contacts;
end;
$$;
