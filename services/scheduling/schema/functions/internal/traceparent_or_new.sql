-- The caller's traceparent, or a new one: a call from SQL need not bring one.
create or replace function traceparent_or_new(p_traceparent text)
returns text
language sql
volatile
set search_path from current
as $$
  select coalesce(p_traceparent, format('00-%s-%s-00',
    replace(gen_random_uuid()::text, '-', ''),
    substr(replace(gen_random_uuid()::text, '-', ''), 1, 16)));
$$;
