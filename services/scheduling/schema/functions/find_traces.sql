-- Traces of appointments, holds and waitlist entries by 'external_id' (their id or their
-- contact's), newest first; other kinds have no rows here.
-- (p_before, p_before_key) is the last row of the page before; null: from the newest.
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
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
declare
  v_id uuid;
begin
  if p_kind <> 'external_id' or p_workspace_id is not null
    or p_value !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return;
  end if;
  v_id := p_value::uuid;
  perform set_tenant(p_org_ids, p_workspace_id);
  return query
  select f.*
  from (
    select a.trace_id::text, a.created_at, 'appointment', a.appointment_id
    from appointments a
    where a.org_id = any (p_org_ids) and (a.appointment_id = v_id or a.contact_id = v_id)
    union all
    select h.trace_id::text, h.created_at, 'hold', h.hold_id
    from holds h
    where h.org_id = any (p_org_ids) and (h.hold_id = v_id or h.contact_id = v_id)
    union all
    select w.trace_id::text, w.created_at, 'waitlist_entry', w.entry_id
    from waitlist_entries w
    where w.org_id = any (p_org_ids) and (w.entry_id = v_id or w.contact_id = v_id)
  ) as f (trace_id, started_at, kind, key)
  where p_before is null or (f.started_at, f.key) < (p_before, p_before_key)
  order by f.started_at desc, f.key desc
  limit p_limit;
end;
$$;
