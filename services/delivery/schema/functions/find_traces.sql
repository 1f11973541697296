-- Traces of offers by 'lead_id' or 'workspace_id', newest first; other kinds have no rows, because
-- delivery stores nothing else that operators search by. (p_before, p_before_key) is the last row
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
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  if p_kind not in ('lead_id', 'workspace_id') then
    return;
  end if;
  return query
  select o.trace_id::text, o.created_at, 'offer', o.offer_id
  from lead_offers o
  where o.org_id = any (p_org_ids)
    and (p_kind <> 'lead_id' or o.lead_id = p_value::uuid)
    and (p_kind <> 'workspace_id' or o.workspace_id = p_value::uuid)
    and (p_before is null or (o.created_at, o.offer_id) < (p_before, p_before_key))
  order by o.created_at desc, o.offer_id desc
  limit p_limit;
end;
$$;
