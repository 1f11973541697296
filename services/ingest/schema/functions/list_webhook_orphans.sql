-- A page of the items that concern no known org, newest first, before p_before (null: from the
-- newest), of one kind of source and of one source (null: all). For callers that serve all orgs.
create or replace function list_webhook_orphans(
  p_source_kind text,
  p_source_external_id text,
  p_limit int,
  p_before uuid default null
) returns table (
  item_id uuid,
  delivery_id uuid,
  kind text,
  external_id text,
  source_kind text,
  source_external_id text,
  status text,
  reason text,
  received_at timestamptz,
  trace_id text
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  return query
  select o.item_id, o.delivery_id, o.kind, o.external_id, o.source_kind, o.source_external_id,
    o.status, o.reason, o.received_at, o.trace_id::text
  from webhook_orphans o
  where (p_source_kind is null or o.source_kind = p_source_kind)
    and (p_source_external_id is null or o.source_external_id = p_source_external_id)
    and (p_before is null or o.item_id < p_before)
  order by o.item_id desc
  limit p_limit;
end;
$$;
