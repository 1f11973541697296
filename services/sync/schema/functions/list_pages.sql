-- The org's pages with their health after p_after, by id; or only the one of p_page_id.
create or replace function list_pages(
  p_org_id uuid,
  p_page_id uuid,
  p_limit int,
  p_after uuid default null
) returns table (
  page_id uuid,
  platform text,
  facebook_page_id text,
  name text,
  token_status text,
  token_error text,
  subscription_status text,
  subscription_error text,
  last_webhook_at timestamptz,
  last_synced_at timestamptz,
  blocked_until timestamptz,
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
  select p.page_id, p.platform, p.facebook_page_id::text, p.name, p.token_status, p.token_error,
    p.subscription_status, p.subscription_error, p.last_webhook_at, p.last_synced_at,
    (select max(b.blocked_until)
     from call_budgets b
     where (b.scope, b.key) in (('page', p.facebook_page_id), ('app', p.external_app_id))
       and b.blocked_until > now()),
    p.created_at
  from pages p
  where p.org_id = p_org_id
    and (p_page_id is null or p.page_id = p_page_id)
    and (p_after is null or p.page_id > p_after)
  order by p.page_id
  limit p_limit;
end;
$$;
