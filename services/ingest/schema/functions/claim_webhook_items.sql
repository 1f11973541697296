-- runs as: system
-- Claims due items of one kind over all tenants, as lock_due_webhook_items chooses them.
--   - returns what is needed to work on them; p_token fences what settles them until
--     p_now + p_lease_seconds;
--   - what the caller works on (p_busy_counts of p_busy_org_ids) and what it claims add up to at most
--     p_in_flight_limit;
--   - an item whose lease ran out is due again, and the attempt that was cut off is stored as
--     'interrupted';
--   - its commit does not wait for the disk: a claim that a crash undoes leaves the items due, and its
--     token matches no row.
create or replace function claim_webhook_items(
  p_kind text,
  p_token uuid,
  p_limit int,
  p_in_flight_limit int,
  p_spare_count int,
  p_busy_org_ids uuid[],
  p_busy_counts int[],
  p_lease_seconds double precision,
  p_due_from timestamptz default null,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  item_id uuid,
  kind text,
  external_id text,
  source_id uuid,
  source_kind text,
  source_external_id text,
  default_region text,
  access_token_ciphertext bytea,
  payload json,
  attempts int,
  received_at timestamptz,
  due_at timestamptz,
  traceparent text,
  linked_traceparent text
)
language sql
security definer
set search_path from current
as $$
  select set_config('synchronous_commit', 'off', true);
  with due as materialized (
    select *
    from lock_due_webhook_items(p_kind, p_limit, p_in_flight_limit, p_spare_count,
      p_busy_org_ids, p_busy_counts, p_due_from, p_now)
  ), interrupted as (
    insert into item_attempts
      (org_id, item_id, number, started_at, ended_at, outcome, trace_id)
    select d.org_id, d.item_id, d.attempts, d.claimed_at, p_now, 'interrupted', d.trace_id
    from due d
    where d.claim_token is not null
    on conflict do nothing
  ), claimed as (
    update webhook_items i
    set status = 'processing',
        attempts = i.attempts + 1,
        claim_token = p_token,
        claimed_at = p_now,
        claim_expires_at = p_now + make_interval(secs => p_lease_seconds)
    from due d
    where i.org_id = d.org_id and i.item_id = d.item_id
    returning i.*
  )
  select c.org_id, c.item_id, c.kind, c.external_id, c.source_id, s.kind, s.external_id,
    s.default_region, s.access_token_ciphertext, c.payload, c.attempts - c.replayed_after, c.received_at,
    c.due_at, c.traceparent, c.linked_traceparent
  from claimed c
  join sources s on s.org_id = c.org_id and s.source_id = c.source_id
  order by c.due_at, c.received_at, c.ordinal;
$$;
