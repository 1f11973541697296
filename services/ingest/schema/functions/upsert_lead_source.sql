-- Whether the item makes the lead that the provider names: upsert_lead_sources for one.
create or replace function upsert_lead_source(
  p_org_id uuid,
  p_source_id uuid,
  p_external_id text,
  p_item_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns boolean
language sql
set search_path from current
as $$
  select owned
  from upsert_lead_sources(array[p_org_id], array[p_source_id], array[p_external_id],
    array[p_item_id], array[p_traceparent], p_now);
$$;
