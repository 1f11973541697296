-- Chooses rows of one topic that may be sent, over all tenants, and locks them, for claim_outbox.
--   - At most p_limit, oldest due first, none under a lease.
--   - While more is due, half of p_limit is shared out evenly among the tenants that have pending
--     rows, the oldest due of each, so that one tenant's backlog does not delay another's rows.
--   - What a tenant's share leaves (its rows are under a lease or not due) goes to the oldest.
--   - Rows due before p_due_from are left to a call without it.
create or replace function lock_due_outbox(
  p_topic text,
  p_limit int,
  p_due_from timestamptz,
  p_now timestamptz
) returns table (org_id uuid, outbox_id uuid, due_at timestamptz)
language plpgsql
-- Planned as few, so that the caller looks each up by its key.
rows 1
set search_path from current
as $$
#variable_conflict use_column
declare
  v_due_from constant timestamptz := coalesce(p_due_from, '-infinity');
  v_shared_limit constant int := p_limit / 2;
  v_org_ids uuid[];
  v_outbox_ids uuid[];
  v_due_ats timestamptz[];
begin
  if v_shared_limit = 0 or p_limit >= (
    select count(*)
    from (
      select
      from outbox o
      where o.topic = p_topic
        and o.status = 'pending'
        and o.due_at between v_due_from and p_now
        and (o.claim_expires_at is null or o.claim_expires_at <= p_now)  -- not a fence: a count
      order by o.due_at
      limit p_limit + 1
    ) first
  ) then
    return query
    select o.org_id, o.outbox_id, o.due_at
    from outbox o
    where o.topic = p_topic
      and o.status = 'pending'
      and o.due_at between v_due_from and p_now
      and (o.claim_expires_at is null or o.claim_expires_at <= p_now)  -- fence: lease
    order by o.due_at
    limit p_limit
    for update skip locked;
    return;
  end if;

  with recursive tenant as (
    -- One look-up in the index for each tenant, however many rows it has.
    select (select o.org_id from outbox o
      where o.topic = p_topic and o.status = 'pending'
      order by o.org_id limit 1) as org_id
    union all
    select (select o.org_id from outbox o
      where o.topic = p_topic and o.status = 'pending' and o.org_id > t.org_id
      order by o.org_id limit 1)
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
  select coalesce(array_agg(o.org_id), '{}'), coalesce(array_agg(o.outbox_id), '{}'),
    coalesce(array_agg(o.due_at), '{}')
  into v_org_ids, v_outbox_ids, v_due_ats
  from chosen c
  cross join lateral (
    select o.org_id, o.outbox_id, o.due_at
    from outbox o
    where o.topic = p_topic
      and o.status = 'pending'
      and o.org_id = c.org_id
      and o.due_at between v_due_from and p_now
      and (o.claim_expires_at is null or o.claim_expires_at <= p_now)  -- fence: lease of the share
    order by o.due_at
    limit c.share
    for update skip locked
  ) o;

  return query
  select * from unnest(v_org_ids, v_outbox_ids, v_due_ats);
  return query
  select o.org_id, o.outbox_id, o.due_at
  from outbox o
  where o.topic = p_topic
    and o.status = 'pending'
    and o.due_at between v_due_from and p_now
    and (o.claim_expires_at is null or o.claim_expires_at <= p_now)  -- fence: lease of the oldest
    and o.outbox_id <> all (v_outbox_ids)
  order by o.due_at
  limit p_limit - cardinality(v_outbox_ids)
  for update skip locked;
end;
$$;
