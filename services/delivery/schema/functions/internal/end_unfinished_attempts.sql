-- Ends attempts that have no outcome as 'unknown': no worker will report them, though the request
-- may have arrived. For use by other functions, which have set the tenant or run as the system
-- role, and have locked the deliveries.
create or replace function end_unfinished_attempts(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_error text,
  p_now timestamptz
) returns void
language plpgsql
set search_path from current
as $$
begin
  update attempts t
  set outcome = 'unknown',
      error = p_error,
      ended_at = p_now
  from unnest(p_org_ids, p_delivery_ids) as n (org_id, delivery_id)
  where t.org_id = n.org_id and t.delivery_id = n.delivery_id and t.outcome is null;
end;
$$;
