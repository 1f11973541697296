-- A service as the store reads it and as the answer of a request is stored.
create or replace function to_service(p_service services)
returns jsonb
language sql
stable
set search_path from current
as $$
  select to_jsonb(p_service) - '{org_id,updated_at}'::text[];
$$;
