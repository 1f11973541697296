-- Fails one claimed lead that no rule matched, as `fail_routings` does many.
create or replace function fail_routing(
  p_org_id uuid,
  p_lead_id uuid,
  p_token uuid,
  p_outcome text,
  p_error text,
  p_record jsonb,
  p_attempt_traceparent text,
  p_now timestamptz default now()
) returns table (org_id uuid, lead_id uuid, outcome text, next_retry_at timestamptz)
language sql
set search_path from current
as $$
  select *
  from fail_routings(
    array[p_org_id], array[p_lead_id], p_token, array[p_outcome], array[p_error],
    array[p_record], array[p_attempt_traceparent], p_now);
$$;
