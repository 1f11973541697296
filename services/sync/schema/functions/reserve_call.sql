-- Reserves the next call for a page: one every p_interval_seconds, slower by p_slow_factor once
-- p_slow_percent of a limit of the page or its app is used.
--   - Returns in how many seconds to make the call. Where that is more than p_wait_seconds_max, or
--     calls are blocked: no slot, but in how many seconds to ask again, and why.
--   - Seconds, as the caller's clock may differ from this one.
--   - Meta's limits are those of its pages and apps, whichever org calls. A page whose app is not
--     known (p_app_key '') shares no limit with others.
-- The table has no org, so callers have set the tenant none.
create or replace function reserve_call(
  p_page_key text,
  p_app_key text,
  p_interval_seconds double precision,
  p_slow_percent int,
  p_slow_factor double precision,
  p_wait_seconds_max double precision,
  p_now timestamptz default now()
) returns table (
  wait_seconds double precision,
  blocked_seconds double precision,
  blocked_for text
)
language plpgsql
set search_path from current
as $$
declare
  v_page call_budgets;
  v_app call_budgets;
  v_at timestamptz;
  v_interval double precision := p_interval_seconds;
begin
  insert into call_budgets (scope, key, next_call_at)
  select b.scope, b.key, p_now
  from (values ('app', p_app_key), ('page', p_page_key)) as b (scope, key)
  where b.key <> ''
  on conflict do nothing;
  select * into v_app from call_budgets b where b.scope = 'app' and b.key = p_app_key;
  select * into v_page from call_budgets b
  where b.scope = 'page' and b.key = p_page_key
  for update;
  v_at := greatest(v_page.next_call_at, p_now);
  if v_page.blocked_until > p_now and v_page.blocked_until >= coalesce(v_app.blocked_until, p_now)
  then
    return query select null::double precision,
      extract(epoch from v_page.blocked_until - p_now)::double precision, v_page.blocked_for;
  elsif v_app.blocked_until > p_now then
    return query select null::double precision,
      extract(epoch from v_app.blocked_until - p_now)::double precision, v_app.blocked_for;
  elsif v_at > p_now + make_interval(secs => p_wait_seconds_max) then
    return query select null::double precision,
      extract(epoch from v_at - p_now)::double precision, 'pace'::text;
  else
    if greatest(v_page.usage_percent, v_app.usage_percent) >= p_slow_percent then
      v_interval := v_interval * p_slow_factor;
    end if;
    update call_budgets b
    set next_call_at = v_at + make_interval(secs => v_interval)
    where b.scope = 'page' and b.key = p_page_key;
    return query select extract(epoch from v_at - p_now)::double precision,
      null::double precision, null::text;
  end if;
end;
$$;
