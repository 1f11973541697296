-- Ends the claims of an appointment that p_claim_ids names, or all where that is null.
-- The caller has set the tenant.
create or replace function release_claims(
  p_org_id uuid,
  p_appointment_id uuid,
  p_claim_ids uuid[],
  p_now timestamptz
) returns void
language sql
set search_path from current
as $$
  update claims
  set status = 'released',
      ended_at = p_now
  where org_id = p_org_id and appointment_id = p_appointment_id and status = 'booked'
    and (p_claim_ids is null or claim_id = any (p_claim_ids));
$$;
