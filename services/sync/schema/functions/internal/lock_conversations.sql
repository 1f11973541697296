-- Creates the conversations that are not there yet, and locks all of them.
--   - Returns their ids, position by position, and the ids of those that were created.
-- For use by other functions, which have set the tenant the org.
create or replace function lock_conversations(
  p_org_ids uuid[],
  p_page_ids uuid[],
  p_conversations conversation_to_store[],
  p_traceparents text[],
  p_now timestamptz
) returns table (ids uuid[], created uuid[])
language plpgsql
set search_path from current
as $$
begin
  with inserted as (
    insert into messenger_conversations as m (org_id, conversation_id, page_id,
      contact_external_id, active_at, created_at, trace_id)
    select c.org_id, (array_agg(c.conversation_id order by c.ordinality))[1], c.page_id,
      c.contact_external_id, '-infinity', p_now,
      substr((array_agg(c.traceparent order by c.ordinality))[1], 4, 32)
    from unnest(p_org_ids, p_page_ids, p_traceparents, p_conversations) with ordinality
      as c (org_id, page_id, traceparent)
    group by c.org_id, c.page_id, c.contact_external_id
    order by c.org_id, c.page_id, c.contact_external_id
    on conflict (org_id, page_id, contact_external_id) do nothing
    returning m.conversation_id
  )
  select coalesce(array_agg(i.conversation_id), '{}') into created from inserted i;

  -- All batches lock in the same order, so that two wait for each other and never in a circle.
  with locked as (
    select m.org_id, m.page_id, m.contact_external_id, m.conversation_id
    from messenger_conversations m
    where (m.org_id, m.page_id, m.contact_external_id) in (
      select c.org_id, c.page_id, c.contact_external_id
      from unnest(p_org_ids, p_page_ids, p_conversations) as c (org_id, page_id))
    order by m.org_id, m.page_id, m.contact_external_id
    for update
  )
  select coalesce(array_agg(l.conversation_id order by c.ordinality), '{}') into ids
  from unnest(p_org_ids, p_page_ids, p_conversations) with ordinality as c (org_id, page_id)
  join locked l using (org_id, page_id, contact_external_id);
  return next;
end;
$$;
