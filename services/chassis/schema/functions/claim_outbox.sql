-- runs as: system
-- Claims due rows of one topic over all tenants, as lock_due_outbox chooses them.
--   - p_token fences the settling until p_now + p_lease_seconds; then a row may be claimed again.
--   - The commit does not wait for the disk. A crash of PostgreSQL undoes the claims of the last
--     moment: their token fits no row and the rows are due. An RPC that was made meanwhile is made
--     again, and its receiver takes it once.
--   - Returns the rows, oldest due first.
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
  select set_config('synchronous_commit', 'off', true);
  with due as materialized (
    select * from lock_due_outbox(p_topic, p_limit, p_due_from, p_now)
  ), claimed as (
    update outbox o
    set attempts = o.attempts + 1,
        claim_token = p_token,
        claimed_at = p_now,
        claim_expires_at = p_now + make_interval(secs => p_lease_seconds)
    from due
    where o.org_id = due.org_id and o.outbox_id = due.outbox_id
    returning o.*
  )
  select c.org_id, c.outbox_id, c.subject_id, c.payload, c.attempts, c.enqueued_at, c.due_at,
    c.traceparent, c.tracestate
  from claimed c
  order by c.due_at;
$$;
