-- An import, without its URL, as the store reads it and as the answer of a request is stored.
create or replace function to_import(p_import imports)
returns jsonb
language sql
stable
set search_path from current
as $$
  select jsonb_build_object('import_id', p_import.import_id, 'calendar_id', p_import.calendar_id,
    'status', p_import.status, 'every_seconds', p_import.every_seconds,
    'failure_count', p_import.failure_count, 'last_error', p_import.last_error,
    'imported_at', p_import.imported_at);
$$;
