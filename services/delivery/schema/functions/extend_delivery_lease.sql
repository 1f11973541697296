-- Lengthens the lease on a claimed delivery, and with it the lifetime of its hold. Returns false
-- when the lease was lost.
create or replace function extend_delivery_lease(
  p_org_id uuid,
  p_delivery_id uuid,
  p_token uuid,
  p_lease_seconds double precision,
  p_hold_seconds double precision,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
declare
  v_is_ours boolean;
begin
  perform set_tenant(array[p_org_id]);
  update deliveries
  set claim_expires_at = p_now + make_interval(secs => p_lease_seconds),
      due_at = p_now + make_interval(secs => p_lease_seconds)
  where org_id = p_org_id and delivery_id = p_delivery_id
    and claim_token = p_token -- fence: token
    and claim_expires_at > p_now; -- fence: lease
  v_is_ours := found;
  if v_is_ours then
    update credit_holds
    set expires_at = greatest(expires_at, p_now + make_interval(secs => p_hold_seconds))
    where org_id = p_org_id and delivery_id = p_delivery_id and status = 'live';
  end if;
  return v_is_ours;
end;
$$;
