-- Lengthens the live holds of deliveries that are claimed under p_token, and of those that wait
-- for a throttled endpoint while another has accepted the lead: that credit is due however long
-- the throttle lasts.
-- For use by claim_deliveries, which runs as the system role (no caller has set the tenant) and
-- has locked deliveries and accounts.
create or replace function extend_holds(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_token uuid,
  p_hold_seconds double precision,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  update credit_holds h
  set expires_at = greatest(h.expires_at, make_interval(secs => p_hold_seconds)
    + case when d.claim_token = p_token then p_now else d.due_at end) -- not a fence: our own claim
  from deliveries d
  join unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
  where h.org_id = d.org_id and h.delivery_id = d.delivery_id and h.status = 'live'
    and (d.claim_token = p_token or d.waiting_for = 'retry' and exists (
      select from delivery_endpoints p
      where p.org_id = d.org_id and p.delivery_id = d.delivery_id and p.status = 'accepted'));
end;
$$;
