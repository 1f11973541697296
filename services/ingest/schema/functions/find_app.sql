-- The id of the app that Meta knows by p_external_app_id; no row where it is not registered.
create or replace function find_app(p_external_app_id text)
returns table (app_id uuid)
language sql
stable
set search_path from current
as $$
  select a.app_id from apps a where a.external_app_id = p_external_app_id;
$$;
