-- A waitlist entry as the store reads it and as the answer of a request is stored.
create or replace function to_waitlist_entry(p_entry waitlist_entries)
returns jsonb
language sql
stable
set search_path from current
as $$
  select to_jsonb(p_entry) - '{org_id,traceparent,ended_at,looked_at}'::text[];
$$;
