-- The org's rejects, newest first, after (p_before_created_at, p_before) (null: from the newest).
create or replace function list_sync_rejects(
  p_org_id uuid,
  p_limit int,
  p_before_created_at timestamptz default null,
  p_before uuid default null
) returns table (
  reject_id uuid,
  page_id uuid,
  origin text,
  kind text,
  reason text,
  raw text,
  created_at timestamptz,
  trace_id text
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select r.reject_id, r.page_id, r.origin, r.kind, r.reason, r.raw::text, r.created_at,
    r.trace_id::text
  from sync_rejects r
  where r.org_id = p_org_id
    and (p_before is null or (r.created_at, r.reject_id) < (p_before_created_at, p_before))
  order by r.created_at desc, r.reject_id desc
  limit p_limit;
end;
$$;
