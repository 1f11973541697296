-- Which org a lead or a webhook's item belongs to, as far as events were told of it.
create or replace function find_orgs_of(p_kind text, p_value text)
returns table (org_id uuid)
language sql
stable
security definer
set search_path from current
as $$
  select e.org_id from contact_interaction_events e
  where p_kind = 'lead_id' and e.lead_id = p_value::uuid
  union
  select t.org_id from told_events t
  where p_kind = 'webhook_id' and t.event_id = p_value::uuid;
$$;
