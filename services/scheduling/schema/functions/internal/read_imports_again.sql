-- Makes the imports of a calendar due and forgets what was read of them. An importer that is reading
-- one loses its lease, because it reads for the calendar's former horizon and zone.
-- The caller has set the tenant.
create or replace function read_imports_again(
  p_org_id uuid,
  p_calendar_id uuid,
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  update imports
  set due_at = p_now,
      etag = '',
      last_modified = '',
      content_hash = '',
      claim_token = null,
      claim_expires_at = null
  where org_id = p_org_id and calendar_id = p_calendar_id and status = 'active';
$$;
