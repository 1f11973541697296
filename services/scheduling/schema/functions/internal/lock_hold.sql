-- Locks and reads a hold. Raises WB087 HOLD_NOT_FOUND.
-- The caller has set the tenant.
create or replace function lock_hold(p_org_id uuid, p_hold_id uuid)
returns holds
language plpgsql
set search_path from current
as $$
declare
  v_hold holds;
begin
  select * into v_hold
  from holds h
  where h.org_id = p_org_id and h.hold_id = p_hold_id
  for update;
  if not found then
    perform refuse(87, 'There is no such hold.', jsonb_build_object('hold_id', p_hold_id));
  end if;
  return v_hold;
end;
$$;
