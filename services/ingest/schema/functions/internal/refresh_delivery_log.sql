-- Brings the webhook_delivery_log rows of these items up to date; the caller has set the tenant. The
-- items come with their orgs as parallel arrays. A log row is
--   - 'failed' while an item waits for another attempt;
--   - else 'processing' while an item is open;
--   - else 'dead_letter' where an item ended so;
--   - else 'completed'.
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
  v_org_ids uuid[];
  v_ids uuid[];
  v_delivery_ids uuid[];
begin
  select array_agg(l.org_id), array_agg(l.id), array_agg(l.delivery_id)
  into v_org_ids, v_ids, v_delivery_ids
  from (
    select distinct i.org_id, i.log_id
    from unnest(p_org_ids, p_item_ids) as g (org_id, item_id)
    -- One look-up by key a row, here and below: a join could read all of an org's.
    cross join lateral (
      select i.org_id, i.log_id
      from webhook_items i
      where i.org_id = g.org_id and i.item_id = g.item_id
      limit 1
    ) i
    order by i.org_id, i.log_id
  ) i
  cross join lateral (
    select d.org_id, d.id, d.delivery_id
    from webhook_delivery_log d
    where d.org_id = i.org_id and d.id = i.log_id
    limit 1
    for update
  ) l;
  -- After the locks: of two workers the second sees what the first has settled.
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
  from unnest(v_org_ids, v_ids, v_delivery_ids) as l (org_id, id, delivery_id)
  cross join lateral (
    select max(i.attempts) as attempts,
      count(*) filter (where i.status = 'failed') as failed,
      count(*) filter (where i.status in ('pending', 'processing')) as open,
      count(*) filter (where i.status = 'dead_letter') as dead,
      max(i.reason) filter (where i.status in ('failed', 'dead_letter')) as error
    from webhook_items i
    -- By the delivery, of which the org has one log row: its key serves.
    where i.org_id = l.org_id and i.delivery_id = l.delivery_id
  ) s
  where d.org_id = l.org_id and d.id = l.id;
end;
$$;
