-- Puts claimed deliveries that were not sent back into the queue: due at once, the attempt unspent
-- and its row deleted. The hold stays for the next claim, or until it expires. Returns how many;
-- deliveries whose lease was lost stay as they are.
create or replace function return_deliveries(
  p_org_ids uuid[],
  p_delivery_ids uuid[],
  p_tokens uuid[],
  p_now timestamptz default now()
) returns int
language plpgsql
set search_path from current
as $$
declare
  v_returned int;
begin
  perform set_tenant(p_org_ids);
  perform lock_deliveries(p_org_ids, p_delivery_ids);
  with returned as (
    update deliveries d
    set status = 'PENDING',
        due_at = p_now,
        attempt_count = d.attempt_count - 1,
        claim_token = null,
        claim_expires_at = null
    from unnest(p_org_ids, p_delivery_ids, p_tokens) as n (org_id, delivery_id, token)
    where d.org_id = n.org_id and d.delivery_id = n.delivery_id
      and d.claim_token = n.token -- fence: token
      and d.claim_expires_at > p_now -- fence: lease
    returning d.org_id, d.delivery_id
  ), deleted as (
    delete from attempts t
    using returned r
    where t.org_id = r.org_id and t.delivery_id = r.delivery_id and t.outcome is null
    returning t.org_id, t.delivery_id, t.endpoint_id
  ), recounted as (
    update delivery_endpoints p
    set attempt_count = p.attempt_count - 1
    from deleted t
    where p.org_id = t.org_id and p.delivery_id = t.delivery_id and p.endpoint_id = t.endpoint_id
  )
  select count(*) into v_returned from returned;
  return v_returned;
end;
$$;
