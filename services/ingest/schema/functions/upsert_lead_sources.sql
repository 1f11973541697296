-- Decides which item makes the lead that a provider names.
--   - the first item does, for good; one that comes later, at once or after days, is a duplicate;
--   - an item replaces one that ended as a dead letter;
--   - returns for each item whether it makes the lead (owned).
-- The single form is upsert_lead_source.
create or replace function upsert_lead_sources(
  p_org_ids uuid[],
  p_source_ids uuid[],
  p_external_ids text[],
  p_item_ids uuid[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns table (item_id uuid, owned boolean)
language plpgsql
set search_path from current
as $$
begin
  perform set_tenant(p_org_ids);
  insert into lead_sources as l (org_id, source_id, external_id, item_id, created_at, trace_id)
  select distinct on (g.org_id, g.source_id, g.external_id)
    g.org_id, g.source_id, g.external_id, g.item_id, p_now, substr(g.traceparent, 4, 32)
  from unnest(p_org_ids, p_source_ids, p_external_ids, p_item_ids, p_traceparents)
    with ordinality as g (org_id, source_id, external_id, item_id, traceparent, position)
  order by g.org_id, g.source_id, g.external_id, g.position
  on conflict do nothing;

  update lead_sources l
  set item_id = g.item_id
  from unnest(p_org_ids, p_source_ids, p_external_ids, p_item_ids)
    as g (org_id, source_id, external_id, item_id)
  where l.org_id = g.org_id and l.source_id = g.source_id and l.external_id = g.external_id
    and l.lead_id is null
    and exists (
      select from webhook_items i
      where i.org_id = l.org_id and i.item_id = l.item_id and i.status = 'dead_letter');

  return query
  select g.item_id, l.item_id = g.item_id
  from unnest(p_org_ids, p_source_ids, p_external_ids, p_item_ids)
    as g (org_id, source_id, external_id, item_id)
  join lead_sources l
    on l.org_id = g.org_id and l.source_id = g.source_id and l.external_id = g.external_id;
end;
$$;
