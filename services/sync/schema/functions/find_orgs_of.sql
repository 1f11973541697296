-- runs as: system
-- Which orgs a lead, a webhook's item, a page at Meta or a message belongs to, as far as events of it
-- were reported or pulled: for callers that serve all orgs.
-- tested by: test_find_traces.py
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
  where p_kind = 'webhook_id' and t.event_id = p_value::uuid
  union
  select p.org_id from pages p
  where p_kind = 'external_id' and (p.facebook_page_id = p_value or exists (
    select from contact_interaction_events e
    where e.org_id = p.org_id and e.scope = p.page_id::text and e.message_id = p_value));
$$;
