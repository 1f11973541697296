-- A page of the org's sources, oldest first, after p_after (null: from the start).
create or replace function list_sources(
  p_org_id uuid,
  p_limit int,
  p_after uuid default null
) returns table (
  source_id uuid,
  kind text,
  external_id text,
  name text,
  default_region text,
  created_at timestamptz
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select s.source_id, s.kind, s.external_id, s.name, s.default_region, s.created_at
  from sources s
  where s.org_id = p_org_id and (p_after is null or s.source_id > p_after)
  order by s.source_id
  limit p_limit;
end;
$$;
