-- Chooses leads that routing may claim, over all tenants, and locks them: at most p_limit, oldest due
-- first, without those under a lease. For use by acquire_routing_locks.
--   - while more than p_limit are due, half is shared out among the tenants that have undecided leads,
--     the oldest due of each, so that one tenant's backlog does not keep other leads waiting;
--   - the share of a tenant whose leads are all locked or not due yet goes to the oldest;
--   - leads due before p_due_from are left to a call without it.
create or replace function lock_due_leads(
  p_limit int,
  p_due_from timestamptz,
  p_now timestamptz
) returns table (org_id uuid, lead_id uuid, due_at timestamptz)
language plpgsql
-- Planned as one row, so that the caller looks each up by its key.
rows 1
set search_path from current
as $$
#variable_conflict use_column
declare
  v_due_from constant timestamptz := coalesce(p_due_from, '-infinity');
  v_shared_limit constant int := p_limit / 2;
  v_org_ids uuid[];
  v_lead_ids uuid[];
  v_due_ats timestamptz[];
begin
  if v_shared_limit = 0 or p_limit >= (
    select count(*)
    from (
      select
      from leads l
      where l.due_at between v_due_from and p_now
        and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now) -- not a fence: only counts
        and l.lead_expires_at > p_now
      order by l.due_at
      limit p_limit + 1
    ) first
  ) then
    return query
    select l.org_id, l.lead_id, l.due_at
    from leads l
    where l.due_at between v_due_from and p_now
      and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now) -- fence: lease of the oldest
      and l.lead_expires_at > p_now
    order by l.due_at
    limit p_limit
    for update skip locked;
    return;
  end if;

  with recursive tenant as (
    -- One look-up in the index for each tenant, however many leads it has.
    select (select l.org_id from leads l where l.due_at is not null order by l.org_id limit 1)
      as org_id
    union all
    select (select l.org_id from leads l
      where l.due_at is not null and l.org_id > t.org_id
      order by l.org_id limit 1)
    from tenant t
    where t.org_id is not null
  ), chosen as materialized (
    select t.org_id, v_shared_limit / count(*) over () as share
    from (
      select t.org_id
      from tenant t
      where t.org_id is not null
      -- Where there are too many for one claim, the next has others.
      order by random()
      limit v_shared_limit
    ) t
  )
  select coalesce(array_agg(l.org_id), '{}'), coalesce(array_agg(l.lead_id), '{}'),
    coalesce(array_agg(l.due_at), '{}')
  into v_org_ids, v_lead_ids, v_due_ats
  from chosen c
  cross join lateral (
    select l.org_id, l.lead_id, l.due_at
    from leads l
    where l.org_id = c.org_id
      and l.due_at between v_due_from and p_now
      and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now) -- fence: lease of the share
      and l.lead_expires_at > p_now
    order by l.due_at
    limit c.share
    for update skip locked
  ) l;

  return query
  select * from unnest(v_org_ids, v_lead_ids, v_due_ats);
  return query
  select l.org_id, l.lead_id, l.due_at
  from leads l
  where l.due_at between v_due_from and p_now
    and (l.routing_lock_expires_at is null or l.routing_lock_expires_at <= p_now) -- fence: lease of the rest
    and l.lead_expires_at > p_now
    and l.lead_id <> all (v_lead_ids)
  order by l.due_at
  limit p_limit - cardinality(v_lead_ids)
  for update skip locked;
end;
$$;
