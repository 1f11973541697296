-- Takes over Messenger and Instagram events that ingest reports, each once by its event_id; one that
-- was taken over before is left out.
--   - p_org_ids belong to p_events, position by position.
--   - A page that is not connected yet is stored with its events.
--   - An event with a reject_reason could not be read, and is stored as it came.
--   - Returns how many were new.
create or replace function record_page_events(
  p_org_ids uuid[],
  p_events page_event[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_new uuid[];
begin
  perform set_tenant(p_org_ids);
  perform create_reported_pages(p_org_ids, p_events, p_now);
  v_new := register_page_events(p_org_ids, p_events, p_now);
  perform note_webhooks(p_org_ids, p_events, p_now);
  perform store_page_events(p_org_ids, p_events, v_new, p_now);
  -- Storing them narrowed the tenant to the orgs of what was stored.
  perform set_tenant(p_org_ids);
  perform keep_page_rejects(p_org_ids, p_events, v_new, p_now);
  return cardinality(v_new);
end;
$$;
