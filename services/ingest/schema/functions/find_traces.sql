-- Traces by what people know of them, newest first.
--   - kinds: lead_id, phone (E.164), email (lower case), external_id (a leadgen id, a message id),
--     webhook_id (a raw webhook or an item); another kind finds no rows;
--   - orphans, which concern no known org, belong to the nil org;
--   - (p_before, p_before_key) is the last row of the page before; null: from the newest.
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
declare
  c_no_org constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  perform set_tenant(p_org_ids, p_workspace_id);
  if p_workspace_id is not null then
    return;
  end if;
  return query
  select f.*
  from (
    select l.trace_id::text, l.received_at, 'lead', l.lead_id
    from leads l
    where p_kind = 'lead_id' and l.org_id = any (p_org_ids) and l.lead_id = p_value::uuid
    union all
    select l.trace_id::text, l.received_at, 'lead', l.lead_id
    from contact_identities c
    join leads l on l.org_id = c.org_id and l.contact_id = c.contact_id
    where c.org_id = any (p_org_ids) and c.kind = p_kind and c.value = p_value
    union all
    select i.trace_id::text, i.received_at, 'webhook item', i.item_id
    from webhook_items i
    where p_kind = 'external_id' and i.org_id = any (p_org_ids) and i.external_id = p_value
    union all
    select i.trace_id::text, i.received_at, 'webhook item', i.item_id
    from webhook_items i
    where p_kind = 'webhook_id' and i.org_id = any (p_org_ids)
      and (i.item_id = p_value::uuid or i.delivery_id = p_value::uuid)
    union all
    select o.trace_id::text, o.received_at, 'webhook orphan', o.item_id
    from webhook_orphans o
    where p_kind = 'webhook_id' and c_no_org = any (p_org_ids)
      and (o.item_id = p_value::uuid or o.delivery_id = p_value::uuid)
    union all
    select o.trace_id::text, o.received_at, 'webhook orphan', o.item_id
    from webhook_orphans o
    where p_kind = 'external_id' and c_no_org = any (p_org_ids) and o.external_id = p_value
  ) as f (trace_id, started_at, kind, key)
  where p_before is null or (f.started_at, f.key) < (p_before, p_before_key)
  order by f.started_at desc, f.key desc
  limit p_limit;
end;
$$;
