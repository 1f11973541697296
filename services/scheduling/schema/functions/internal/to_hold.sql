-- A hold as the store reads it and as the answer of a request is stored.
create or replace function to_hold(p_hold holds)
returns jsonb
language sql
stable
set search_path from current
as $$
  select to_jsonb(p_hold) - '{org_id,traceparent,created_at,ended_at}'::text[];
$$;
