-- runs as: system
-- Claims imports that are due, of all tenants, those due longest first. p_token fences
-- finish_import until p_now + p_lease_seconds; an import whose lease ran out is due again.
create or replace function claim_imports(
  p_token uuid,
  p_limit int,
  p_lease_seconds double precision,
  p_now timestamptz default now()
) returns table (
  org_id uuid,
  import_id uuid,
  calendar_id uuid,
  ciphertext bytea,
  etag text,
  last_modified text,
  content_hash text,
  imported_at timestamptz,
  zone text,
  horizon_days int,
  traceparent text
)
language sql
security definer
set search_path from current
as $$
  with due as materialized (
    select i.org_id, i.import_id, i.due_at
    from imports i
    where i.status = 'active' and i.due_at <= p_now
    order by i.due_at
    limit p_limit
    for update skip locked
  ), claimed as (
    update imports i
    set claim_token = p_token,
        claim_expires_at = p_now + make_interval(secs => p_lease_seconds),
        due_at = p_now + make_interval(secs => p_lease_seconds)
    from due
    where i.org_id = due.org_id and i.import_id = due.import_id
    returning i.*
  )
  select c.org_id, c.import_id, c.calendar_id, c.ciphertext, c.etag, c.last_modified,
    c.content_hash, c.imported_at, k.zone, k.horizon_days, c.traceparent
  from claimed c
  join calendars k on k.org_id = c.org_id and k.calendar_id = c.calendar_id;
$$;
