-- Every valid secret and verify token, sealed. There are a few for each app.
create or replace function list_app_secrets()
returns table (app_id uuid, kind text, ciphertext bytea)
language sql
stable
set search_path from current
as $$
  select s.app_id, s.kind, s.ciphertext
  from app_secrets s
  where s.retired_at is null
  order by s.created_at desc;
$$;
