-- Claims due rows of one topic over all tenants, oldest due first: p_token fences what is settled
-- until p_now + p_lease_seconds. Rows due before p_due_from are left to a claim without it.
-- A row whose lease ran out is due again. While more is due than one claim takes, half of a claim is
-- shared out among the tenants that have due rows, the oldest of each, so that one tenant's backlog
-- keeps no other's rows waiting.
create or replace function claim_outbox(
  p_topic text,
  p_token uuid,
  p_limit int,
  p_lease_seconds double precision,
  p_due_from timestamptz default null,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  outbox_id uuid,
  subject_id uuid,
  payload jsonb,
  attempts int,
  enqueued_at timestamptz,
  due_at timestamptz,
  traceparent text,
  tracestate text
)
language sql
security definer
set search_path from current
as $$
  with recursive lane as materialized (
    select case when count(*) > p_limit then p_limit / 2 else 0 end as shared_limit
    from (
      select
      from outbox o
      where o.topic = p_topic
        and o.status = 'pending'
        and o.due_at <= p_now
        and o.due_at >= coalesce(p_due_from, '-infinity')
      order by o.due_at
      limit p_limit + 1
    ) first
  ), tenant as (
    -- One look-up in the index for each tenant, however many rows it has.
    select (select o.org_id from outbox o
      where o.topic = p_topic and o.status = 'pending'
      order by o.org_id limit 1) as org_id
    from lane
    where lane.shared_limit > 0
    union all
    select (select o.org_id from outbox o
      where o.topic = p_topic and o.status = 'pending' and o.org_id > t.org_id
      order by o.org_id limit 1)
    from tenant t
    where t.org_id is not null
  ), chosen as materialized (
    select t.org_id, (select shared_limit from lane) / count(*) over () as share
    from (
      select t.org_id
      from tenant t
      where t.org_id is not null
      -- Where there are too many for one claim, the next has others.
      order by random()
      limit (select shared_limit from lane)
    ) t
  ), shared as materialized (
    select o.*
    from chosen c
    cross join lateral (
      select o.org_id, o.outbox_id, o.due_at
      from outbox o
      where o.topic = p_topic
        and o.status = 'pending'
        and o.org_id = c.org_id
        and o.due_at <= p_now
        and o.due_at >= coalesce(p_due_from, '-infinity')
      order by o.due_at
      limit c.share
      for update skip locked
    ) o
  ), oldest as materialized (
    select o.org_id, o.outbox_id, o.due_at
    from outbox o
    where o.topic = p_topic
      and o.status = 'pending'
      and o.due_at <= p_now
      and o.due_at >= coalesce(p_due_from, '-infinity')
    order by o.due_at
    limit p_limit
    for update skip locked
  ), due as materialized (
    select d.org_id, d.outbox_id, d.due_at
    from (
      select s.*, 1 as place from shared s
      union all
      select o.*, 2
      from oldest o
      where (o.org_id, o.outbox_id) not in (select s.org_id, s.outbox_id from shared s)
    ) d
    order by d.place, d.due_at
    limit p_limit
  ), claimed as (
    update outbox o
    set attempts = o.attempts + 1,
        claim_token = p_token,
        claimed_at = p_now,
        claim_expires_at = p_now + make_interval(secs => p_lease_seconds),
        due_at = p_now + make_interval(secs => p_lease_seconds)
    from due
    where o.org_id = due.org_id and o.outbox_id = due.outbox_id
    returning o.*, due.due_at as was_due_at
  )
  select c.org_id, c.outbox_id, c.subject_id, c.payload, c.attempts, c.enqueued_at, c.was_due_at,
    c.traceparent, c.tracestate
  from claimed c
  order by c.was_due_at;
$$;
