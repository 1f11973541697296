-- Chooses due items of one kind over all tenants for a caller that has room, and locks them.
--   - room is p_limit, or what p_in_flight_limit leaves beside the items under way (p_busy_counts of
--     p_busy_org_ids);
--   - all that is due is chosen where it fits into the room that is not spare;
--   - otherwise lock_shared_webhook_items shares the room out among the tenants;
--   - items due before p_due_from are left to a call without it.
-- For use by claim_webhook_items.
create or replace function lock_due_webhook_items(
  p_kind text,
  p_limit int,
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
-- The caller looks the rows up by key; for a thousand, the default, it would read the whole table.
rows 10
set search_path from current
as $$
#variable_conflict use_column
declare
  v_due_from constant timestamptz := coalesce(p_due_from, '-infinity');
  v_busy_count constant int := coalesce((select sum(b) from unnest(p_busy_counts) b), 0);
  v_room constant int := least(p_limit, p_in_flight_limit - v_busy_count);
  v_unspared_room constant int :=
    greatest(0, least(p_limit, p_in_flight_limit - p_spare_count - v_busy_count));
begin
  if v_room <= 0 then
    return;
  end if;
  if v_unspared_room >= (
    select count(*)
    from (
      select
      from webhook_items i
      where i.settled_at is null
        and i.kind = p_kind
        and i.due_at between v_due_from and p_now
        and (i.claim_expires_at is null or i.claim_expires_at <= p_now) -- not a fence: only counted
      order by i.due_at
      limit v_unspared_room + 1
    ) first
  ) then
    return query
    select i.org_id, i.item_id, i.due_at, i.claim_token, i.claimed_at, i.attempts, i.trace_id::text
    from webhook_items i
    where i.settled_at is null
      and i.kind = p_kind
      and i.due_at between v_due_from and p_now
      and (i.claim_expires_at is null or i.claim_expires_at <= p_now) -- fence: lease
    order by i.due_at
    limit v_unspared_room
    for update skip locked;
    return;
  end if;

  return query
  select *
  from lock_shared_webhook_items(p_kind, v_room, p_in_flight_limit, p_spare_count, p_busy_org_ids,
    p_busy_counts, v_due_from, p_now);
end;
$$;
