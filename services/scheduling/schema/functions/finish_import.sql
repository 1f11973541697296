-- Saves what was read of an external calendar and schedules the next reading.
--   - p_starts and p_ends are its busy times; null: unchanged since the last reading
--   - p_error is why it could not be read
--   - writes only what differs
--   - returns false where the lease was lost: nothing is changed
create or replace function finish_import(
  p_org_id uuid,
  p_import_id uuid,
  p_token uuid,
  p_starts timestamptz[],
  p_ends timestamptz[],
  p_etag text,
  p_last_modified text,
  p_content_hash text,
  p_error text,
  p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path from current
as $$
declare
  v_import imports;
begin
  perform set_tenant(array[p_org_id]);
  select * into v_import
  from imports i
  where i.org_id = p_org_id and i.import_id = p_import_id
    and i.claim_token = p_token -- fence: token
    and i.claim_expires_at > p_now -- fence: lease
  for update;
  if not found then
    return false;
  end if;
  if p_starts is not null then
    delete from external_busy b
    where b.org_id = p_org_id and b.import_id = p_import_id
      and not exists (
        select from unnest(p_starts, p_ends) as n (starts_at, ends_at)
        where tstzrange(n.starts_at, n.ends_at) = b.during);
    insert into external_busy (org_id, import_id, calendar_id, during)
    select distinct p_org_id, p_import_id, v_import.calendar_id,
      tstzrange(n.starts_at, n.ends_at)
    from unnest(p_starts, p_ends) as n (starts_at, ends_at)
    on conflict do nothing;
  end if;
  update imports i
  set due_at = p_now + make_interval(secs => case when p_error is null then i.every_seconds
        else least(i.every_seconds, 60 * 2 ^ least(i.failure_count, 10)) end),
      failure_count = case when p_error is null then 0 else i.failure_count + 1 end,
      last_error = p_error,
      etag = case when p_starts is null then i.etag else p_etag end,
      last_modified = case when p_starts is null then i.last_modified else p_last_modified end,
      content_hash = case when p_starts is null then i.content_hash else p_content_hash end,
      imported_at = case when p_error is null then p_now else i.imported_at end,
      claim_token = null,
      claim_expires_at = null
  where i.org_id = p_org_id and i.import_id = p_import_id;
  return true;
end;
$$;
