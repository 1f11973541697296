-- Returns claimed leads: due at once, the attempt unspent. Leads that p_token no longer holds stay as
-- they are. Returns how many were still held.
create or replace function return_routing_locks(
  p_org_ids uuid[],
  p_lead_ids uuid[],
  p_token uuid,
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_returned int;
begin
  perform set_tenant(p_org_ids);
  with held as materialized (
    select h.org_id, h.lead_id
    from lock_held_leads(p_org_ids, p_lead_ids, p_token, p_now) h
  )
  update leads l
  set routing_status = 'pending',
      routing_attempts = l.routing_attempts - 1,
      routing_locked_by = null,
      routing_locked_at = null,
      routing_lock_token = null,
      routing_lock_expires_at = null,
      due_at = p_now
  from held h
  where l.org_id = h.org_id and l.lead_id = h.lead_id;
  get diagnostics v_returned = row_count;
  return v_returned;
end;
$$;
