-- Puts deliveries back into the queue, for p_actions 'retry' (due after p_retry_after_seconds) and
-- 'defer' (due at once, the attempt unspent), and lengthens the holds of all whose p_hold_actions
-- is 'extend' by p_hold_seconds past the next try. For use by finish_deliveries, which has set the
-- tenant, locked the deliveries and checked their leases.
create or replace function reschedule_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_actions text[],
  p_reasons text[],
  p_retry_after_seconds double precision[],
  p_hold_actions text[],
  p_hold_seconds double precision,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  with reported as (
    select n.*
    from unnest(p_org_ids, p_delivery_ids, p_actions, p_reasons, p_retry_after_seconds,
        p_hold_actions)
      as n (org_id, delivery_id, action, reason, retry_after_seconds, hold_action)
  ), rescheduled as (
    update deliveries d
    set status = 'PENDING',
        waiting_for = case n.action when 'retry' then 'retry' end,
        reason = n.reason,
        attempt_count = d.attempt_count - (n.action = 'defer')::int,
        due_at = case n.action
          when 'retry' then p_now + make_interval(secs => n.retry_after_seconds)
          else p_now end,
        completed_at = null,
        claim_token = null,
        claim_expires_at = null
    from reported n
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id
      and n.action in ('retry', 'defer')
    returning d.org_id, d.delivery_id, d.due_at
  )
  update credit_holds h
  set expires_at = greatest(h.expires_at,
    coalesce(r.due_at, p_now) + make_interval(secs => p_hold_seconds))
  from reported n
  left join rescheduled r using (org_id, delivery_id)
  where h.org_id = n.org_id and h.delivery_id = n.delivery_id and h.status = 'live'
    and n.hold_action = 'extend';
end;
$$;
