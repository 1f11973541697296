-- runs as: system
-- Releases expired holds whose delivery is not under a lease, at most p_limit, and wakes
-- deliveries that wait for their credits. Returns how many, or null when another process ran this
-- tick.
create or replace function expire_holds(
  p_limit int,
  p_every_seconds double precision,
  p_traceparent text,
  p_now timestamptz default now()
) returns int
language plpgsql
security definer
set search_path from current
as $$
declare
  v_org_ids uuid[];
  v_delivery_ids uuid[];
  v_workspace_ids uuid[];
begin
  if not begin_tick('expire_holds', p_every_seconds, p_traceparent, p_now) then
    return null;
  end if;
  select array_agg(l.org_id), array_agg(l.delivery_id), array_agg(l.workspace_id)
  into v_org_ids, v_delivery_ids, v_workspace_ids
  from (
    select d.org_id, d.delivery_id, d.workspace_id
    from credit_holds h
    join deliveries d using (org_id, delivery_id)
    where h.status = 'live'
      and h.expires_at <= p_now -- not a fence: read again under the locks
      and (d.claim_expires_at is null or d.claim_expires_at <= p_now) -- fence: lease
    order by h.expires_at
    limit p_limit
    for update of d skip locked
  ) l;
  if v_org_ids is null then
    return 0;
  end if;
  perform lock_accounts(v_org_ids, v_workspace_ids);
  -- Read again under the locks: what was claimed in the meantime has its hold renewed.
  select array_agg(h.org_id), array_agg(h.delivery_id)
  into v_org_ids, v_delivery_ids
  from credit_holds h
  join unnest(v_org_ids, v_delivery_ids) as n (org_id, delivery_id) using (org_id, delivery_id)
  where h.status = 'live'
    and h.expires_at <= p_now; -- fence: expiry
  return release_holds(v_org_ids, v_delivery_ids, 'expired', 'expired', p_now);
end;
$$;
