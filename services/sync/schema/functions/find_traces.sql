-- Traces by the ids that people have, newest first. Kinds: lead_id, external_id (a message's id, a page's
-- id at Meta), webhook_id (an item); others give no rows. (p_before, p_before_key) is the last row
-- of the page before; null: from the newest.
create or replace function find_traces(
  p_org_ids uuid[],
  p_workspace_id uuid,
  p_kind text,
  p_value text,
  p_limit int,
  p_before timestamptz default null,
  p_before_key uuid default null
) returns table (trace_id text, started_at timestamptz, kind text, key uuid)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  if p_workspace_id is not null then
    return;
  end if;
  return query
  select f.*
  from (
    select e.trace_id::text, e.created_at, 'event', e.event_id
    from contact_interaction_events e
    where p_kind = 'lead_id' and e.org_id = any (p_org_ids) and e.lead_id = p_value::uuid
    union all
    select t.trace_id::text, t.recorded_at, 'event', t.event_id
    from told_events t
    where p_kind = 'webhook_id' and t.org_id = any (p_org_ids) and t.event_id = p_value::uuid
    union all
    select e.trace_id::text, e.created_at, 'event', e.event_id
    from contact_interaction_events e
    join pages p on p.org_id = e.org_id and p.page_id::text = e.scope
    where p_kind = 'external_id' and e.org_id = any (p_org_ids) and e.message_id = p_value
    union all
    select s.trace_id::text, s.started_at, 'sync', s.session_id
    from pages p
    join sync_state s on s.org_id = p.org_id and s.page_id = p.page_id
    where p_kind = 'external_id' and p.org_id = any (p_org_ids) and p.facebook_page_id = p_value
  ) as f (trace_id, started_at, kind, key)
  where p_before is null or (f.started_at, f.key) < (p_before, p_before_key)
  order by f.started_at desc, f.key desc
  limit p_limit;
end;
$$;
