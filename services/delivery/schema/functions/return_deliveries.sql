-- Gives claimed deliveries back that were not sent: due at once, the attempt unspent and its row
-- gone. The hold stays for whoever sends it next, or until it expires. Returns how many; those
-- whose lease was lost stay as they are.
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
      and d.claim_token = n.token and d.claim_expires_at > p_now
    returning d.org_id, d.delivery_id
  ), unmade as (
    delete from attempts t
    using returned r
    where t.org_id = r.org_id and t.delivery_id = r.delivery_id and t.outcome is null
    returning t.org_id, t.delivery_id, t.endpoint_id
  ), recounted as (
    update delivery_endpoints p
    set attempt_count = p.attempt_count - 1
    from unmade u
    where p.org_id = u.org_id and p.delivery_id = u.delivery_id and p.endpoint_id = u.endpoint_id
  )
  select count(*) into v_returned from returned;
  return v_returned;
end;
$$;
