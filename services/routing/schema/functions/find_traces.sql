-- Traces of leads by what people know of them ('lead_id', 'phone', 'email', 'workspace_id'), newest
-- first; kinds that routing does not have give no rows. (p_before, p_before_key) is the last row of the
-- page before; null: from the newest.
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
#variable_conflict use_column
declare
  v_id constant uuid := case when p_kind in ('lead_id', 'workspace_id') then p_value::uuid end;
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  return query
  -- A branch for each kind, so that each has its index.
  with found as (
    select l.* from leads l
    where p_kind = 'lead_id' and l.org_id = any (p_org_ids) and l.lead_id = v_id
    union all
    select l.* from lead_facts f join leads l using (org_id, lead_id)
    where p_kind = 'phone' and f.org_id = any (p_org_ids) and f.phone = p_value and f.phone <> ''
    union all
    select l.* from lead_facts f join leads l using (org_id, lead_id)
    where p_kind = 'email' and f.org_id = any (p_org_ids) and f.email = p_value and f.email <> ''
    union all
    select l.* from leads l
    where p_kind = 'workspace_id' and l.org_id = any (p_org_ids) and l.workspace_id = v_id
  )
  select f.trace_id::text, f.enqueued_at, 'lead', f.lead_id
  from found f
  where p_before is null or (f.enqueued_at, f.lead_id) < (p_before, p_before_key)
  order by f.enqueued_at desc, f.lead_id desc
  limit p_limit;
end;
$$;
