-- Stores as of which updated_time threads of a page's list were read. What was read once is not
-- pending again at the same updated_time.
-- For use by other functions, which have set the tenant the org.
create or replace function save_threads_read(
  p_org_id uuid,
  p_page_id uuid,
  p_threads thread_read[]
) returns void
language sql
set search_path from current
as $$
  insert into listed_threads as t (org_id, page_id, thread_id, updated_at, owes_messages)
  select distinct on (r.thread_id) p_org_id, p_page_id, r.thread_id, r.updated_at,
    r.has_pending_messages
  from unnest(p_threads) as r
  order by r.thread_id, r.updated_at desc, r.has_pending_messages
  on conflict (org_id, page_id, thread_id) do update
  set updated_at = excluded.updated_at,
      owes_messages = excluded.owes_messages
        and (excluded.updated_at > t.updated_at or t.owes_messages)
  where excluded.updated_at > t.updated_at
    or (excluded.updated_at = t.updated_at and t.owes_messages and not excluded.owes_messages);
$$;
