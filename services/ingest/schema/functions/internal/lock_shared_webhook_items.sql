-- Shares the room for due items of one kind out among tenants, and locks the items that are chosen.
--   - tenants come first of whose items the fewest are under way (p_busy_counts of p_busy_org_ids),
--     of each the items that are due the longest: a tenant's backlog delays no other's items;
--   - of p_in_flight_limit, p_spare_count are for tenants with less under way than their share;
--   - a share is counted with one tenant more than there are, so that a newcomer finds room though
--     nothing under way ends.
-- For use by lock_due_webhook_items.
create or replace function lock_shared_webhook_items(
  p_kind text,
  p_room int,
  p_in_flight_limit int,
  p_spare_count int,
  p_busy_org_ids uuid[],
  p_busy_counts int[],
  p_due_from timestamptz,
  p_now timestamptz
) returns table (
  org_id uuid,
  item_id uuid,
  due_at timestamptz,
  claim_token uuid,
  claimed_at timestamptz,
  attempts int,
  trace_id text
)
language plpgsql
-- As many as lock_due_webhook_items is planned for.
rows 10
set search_path from current
as $$
#variable_conflict use_column
declare
  v_busy_count constant int := coalesce((select sum(b) from unnest(p_busy_counts) b), 0);
begin
  return query
  with recursive busy as (
    select b.org_id, b.busy_count
    from unnest(p_busy_org_ids, p_busy_counts) as b (org_id, busy_count)
  ), tenant as (
    -- One look-up in the index for each tenant, however many items it has.
    select (select i.org_id from webhook_items i
      where i.settled_at is null and i.kind = p_kind
      order by i.org_id limit 1) as org_id
    union all
    select (select i.org_id from webhook_items i
      where i.settled_at is null and i.kind = p_kind
        and i.org_id > t.org_id
      order by i.org_id limit 1)
    from tenant t
    where t.org_id is not null
  ), due_tenant as materialized (
    select t.org_id, coalesce(b.busy_count, 0) as busy_count, o.due_at
    from tenant t
    left join busy b using (org_id)
    cross join lateral (
      select i.due_at
      from webhook_items i
      where i.settled_at is null
        and i.kind = p_kind
        and i.org_id = t.org_id
        and i.due_at between p_due_from and p_now
        and (i.claim_expires_at is null or i.claim_expires_at <= p_now) -- not a fence: only counted
      order by i.due_at
      limit 1
    ) o
  ), share as materialized (
    select greatest(1, p_in_flight_limit / (count(*) + 1)) as share
    from (
      select t.org_id from due_tenant t
      union
      select b.org_id from busy b
    ) active
  ), served as materialized (
    select t.*
    from due_tenant t
    order by t.busy_count, t.due_at
    limit p_room
  ), placed as (
    select s.org_id, s.busy_count + o.number as under_way,
      row_number() over (order by s.busy_count + o.number, o.due_at) as place
    from served s
    cross join lateral (
      select i.due_at, row_number() over (order by i.due_at) as number
      from webhook_items i
      where i.settled_at is null
        and i.kind = p_kind
        and i.org_id = s.org_id
        and i.due_at between p_due_from and p_now
        and (i.claim_expires_at is null or i.claim_expires_at <= p_now) -- not a fence: only counted
      order by i.due_at
      limit p_room
    ) o
  ), quota as materialized (
    select p.org_id, count(*) as quota
    from placed p
    cross join share s
    where p.place <= p_room
      and (p.under_way <= s.share
        or v_busy_count + p.place <= p_in_flight_limit - p_spare_count)
    group by p.org_id
  )
  select o.org_id, o.item_id, o.due_at, o.claim_token, o.claimed_at, o.attempts, o.trace_id::text
  from quota q
  cross join lateral (
    select i.*
    from webhook_items i
    where i.settled_at is null
      and i.kind = p_kind
      and i.org_id = q.org_id
      and i.due_at between p_due_from and p_now
      and (i.claim_expires_at is null or i.claim_expires_at <= p_now) -- fence: lease of the share
    order by i.due_at
    limit q.quota
    for update skip locked
  ) o;
end;
$$;
