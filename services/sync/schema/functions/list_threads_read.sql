-- Of these threads of a page's list, those that were read before: as of which updated_time, and
-- whether messages of them are still pending.
create or replace function list_threads_read(
  p_org_id uuid,
  p_page_id uuid,
  p_thread_ids text[]
) returns table (thread_id text, updated_at timestamptz, has_pending_messages boolean)
language plpgsql
stable
set search_path from current
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select t.thread_id::text, t.updated_at, t.owes_messages
  from listed_threads t
  where t.org_id = p_org_id and t.page_id = p_page_id and t.thread_id = any (p_thread_ids);
end;
$$;
