-- Stores what a check of a page's health found, and when the next one is due.
--   - p_token_status: null leaves it; 'good' changes only a token that was not tried yet.
--   - p_gap (the subscription was missing, or the page was silent for too long) starts a session that
--     reads what was missed, unless one is open. A page that is checked for the first time and has
--     had no webhook has no gap: it was not subscribed before.
--   - Returns whether a session was started.
create or replace function save_page_check(
  p_org_id uuid,
  p_page_id uuid,
  p_subscription_status text,
  p_subscription_error text,
  p_token_status text,
  p_gap boolean,
  p_due_at timestamptz,
  p_session_id uuid,
  p_traceparent text,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
declare
  v_first boolean;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  select p.subscription_checked_at is null and p.last_webhook_at is null into v_first
  from pages p
  where p.org_id = p_org_id and p.page_id = p_page_id
  for update;
  update pages p
  set subscription_status = coalesce(p_subscription_status, p.subscription_status),
      subscription_error = p_subscription_error,
      subscription_checked_at = p_now,
      token_status = case
        when p_token_status = 'good' and p.token_status <> 'unknown' then p.token_status
        else coalesce(p_token_status, p.token_status) end,
      token_error = case
        when coalesce(p_token_status, 'good') = 'good' then p.token_error
        else p_subscription_error end,
      token_checked_at = case when p_token_status is null then p.token_checked_at else p_now end,
      check_due_at = p_due_at
  where p.org_id = p_org_id and p.page_id = p_page_id;
  if not p_gap or v_first then
    return false;
  end if;
  insert into sync_state (org_id, session_id, page_id, mode, status, phase, position, due_at,
    started_at, updated_at, trace_id, traceparent)
  select p.org_id, p_session_id, p.page_id,
    case when p.watermark_at is null then 'full' else 'incremental' end, 'paused', 'list', '{}',
    p_now, p_now, p_now, substr(p_traceparent, 4, 32), p_traceparent
  from pages p
  where p.org_id = p_org_id and p.page_id = p_page_id
    and p.token_status in ('unknown', 'good')
  on conflict do nothing;
  return found;
end;
$$;
