-- A service as the store reads it and as answers of requests are kept.
create or replace function to_service(p_service services)
returns jsonb
language sql
stable
set search_path from current
as $$
  select to_jsonb(p_service) - '{org_id,updated_at}'::text[];
$$;
