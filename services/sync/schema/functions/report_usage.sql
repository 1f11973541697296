-- Stores what a response said of limits.
--   - p_…_percent: how much is used (null: not known).
--   - p_…_block_seconds: for how long calls are blocked, for the page or the whole app (0: not at
--     all). A block is only lengthened.
--   - What was said of an app that is not known (p_app_key '') counts for its page.
-- The table has no org, so callers have set the tenant none.
-- tested by: test_reserve_call.py
create or replace function report_usage(
  p_page_key text,
  p_app_key text,
  p_page_percent int,
  p_app_percent int,
  p_page_block_seconds double precision,
  p_app_block_seconds double precision,
  p_blocked_for text,
  p_now timestamptz default now()
) returns void
language sql
set search_path from current
as $$
  update call_budgets b
  set usage_percent = coalesce(u.percent, b.usage_percent),
      usage_seen_at = case when u.percent is null then b.usage_seen_at else p_now end,
      blocked_until = case
        when u.seconds > 0 then greatest(b.blocked_until, p_now + make_interval(secs => u.seconds))
        else b.blocked_until end,
      blocked_for = case when u.seconds > 0 then p_blocked_for else b.blocked_for end
  from (values
    ('app', p_app_key, p_app_percent, p_app_block_seconds),
    ('page', p_page_key,
      case p_app_key when '' then greatest(p_page_percent, p_app_percent) else p_page_percent end,
      case p_app_key when '' then greatest(p_page_block_seconds, p_app_block_seconds)
        else p_page_block_seconds end))
    as u (scope, key, percent, seconds)
  where b.scope = u.scope and b.key = u.key
    and (u.percent is distinct from b.usage_percent or u.seconds > 0);
$$;
