-- Ends what deliveries wait for. For use by other functions, which have set the tenant and locked
-- the deliveries.
create or replace function end_waits(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  update delivery_waits w
  set ended_at = p_now
  from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)
  where w.org_id = n.org_id and w.delivery_id = n.delivery_id and w.ended_at is null;
end;
$$;
