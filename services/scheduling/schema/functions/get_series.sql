-- A series as it was requested, or no row.
create or replace function get_series(p_org_id uuid, p_series_id uuid)
returns table (
  series_id uuid,
  contact_id uuid,
  rule text,
  local_start timestamp,
  zone text,
  created_at timestamptz,
  trace_id text
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
begin
  perform set_tenant(array[p_org_id]);
  return query
  select s.series_id, s.contact_id, s.rule, s.local_start, s.zone, s.created_at, s.trace_id::text
  from series s
  where s.org_id = p_org_id and s.series_id = p_series_id;
end;
$$;
