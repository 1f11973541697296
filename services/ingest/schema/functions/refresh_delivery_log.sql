-- Brings the webhook_delivery_log rows of these items up to date with their items: 'processing'
-- while some are open, 'failed' while one waits for another try, then 'completed', or 'dead_letter'
-- where one could not be stored. The caller has entered.
create or replace function refresh_delivery_log(
  p_org_ids uuid[],
  p_item_ids uuid[],
  p_job_id uuid,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path from current
as $$
declare
  v_logs uuid[];
begin
  select coalesce(array_agg(l.id), '{}') into v_logs
  from (
    select d.id
    from webhook_delivery_log d
    where d.org_id = any (p_org_ids) and d.id in (
      select i.log_id
      from webhook_items i
      where i.org_id = any (p_org_ids) and i.item_id = any (p_item_ids))
    order by d.org_id, d.id
    for update) l;
  -- After the locks, so that of two workers the second sees what the first has settled.
  update webhook_delivery_log d
  set status = case
        when s.failed > 0 then 'failed'
        when s.open > 0 then 'processing'
        when s.dead > 0 then 'dead_letter'
        else 'completed' end,
      attempts = s.attempts,
      last_attempt_at = p_now,
      completed_at = case when s.failed + s.open = 0 then p_now end,
      error_message = s.error,
      job_id = p_job_id
  from (
    select i.org_id, i.log_id, max(i.attempts) as attempts,
      count(*) filter (where i.status = 'failed') as failed,
      count(*) filter (where i.status in ('pending', 'processing')) as open,
      count(*) filter (where i.status = 'dead_letter') as dead,
      max(i.reason) filter (where i.status in ('failed', 'dead_letter')) as error
    from webhook_items i
    where i.org_id = any (p_org_ids) and i.log_id = any (v_logs)
    group by i.org_id, i.log_id) s
  where d.org_id = s.org_id and d.id = s.log_id;
end;
$$;
