-- runs as: system
-- Which orgs have an appointment, a hold or a waitlist entry with that id, or with that contact id
-- ('external_id'): for callers that may read every org. Scheduling has no leads and no webhooks.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select distinct c.org_id
  from calendars c,
    (select case when p_value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then p_value::uuid end) as v (id)
  where p_kind = 'external_id' and (
    exists (select from appointments a where a.org_id = c.org_id and a.appointment_id = v.id)
    or exists (select from appointments a where a.org_id = c.org_id and a.contact_id = v.id)
    or exists (select from holds h
      where h.org_id = c.org_id and (h.hold_id = v.id or h.contact_id = v.id))
    or exists (select from waitlist_entries w
      where w.org_id = c.org_id and (w.entry_id = v.id or w.contact_id = v.id)));
$$;
