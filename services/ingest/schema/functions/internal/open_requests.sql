-- Opens many requests by their client-made ids, before anything else is written; the caller has set
-- the tenant. Returns an outcome for each position:
--   - null: the write is to be done;
--   - 'replayed': it was done, or is done by an earlier position of this call; the repeat is noted;
--   - 'request_id_reused': the id came with other content.
create or replace function open_requests(
  p_org_ids uuid[],
  p_request_ids text[],
  p_request_hashes text[],
  p_traceparents text[],
  p_now timestamptz default now()
) returns text[]
language plpgsql
set search_path from current
as $$
declare
  v_new text[];
  v_outcomes text[];
begin
  if array_remove(p_request_ids, null) = '{}' then
    return array_fill(null::text, array[cardinality(p_request_ids)]);
  end if;
  with opened as (
    insert into requests (org_id, request_id, content_hash, created_at, trace_id)
    select distinct on (g.org_id, g.request_id)
      g.org_id, g.request_id, g.request_hash, p_now, substr(g.traceparent, 4, 32)
    from unnest(p_org_ids, p_request_ids, p_request_hashes, p_traceparents) with ordinality
      as g (org_id, request_id, request_hash, traceparent, position)
    where g.request_id is not null
    order by g.org_id, g.request_id, g.position
    on conflict do nothing
    returning requests.org_id, requests.request_id
  )
  select coalesce(array_agg(org_id || ' ' || request_id), '{}') into v_new from opened;

  select array_agg(
    case
      when g.request_id is null then null
      when r.content_hash <> g.request_hash then -- fence: content
        'request_id_reused'
      when g.org_id || ' ' || g.request_id = any (v_new) and g.nth = 1 then null
      else 'replayed'
    end
    order by g.position)
  into v_outcomes
  from (
    select u.*, row_number() over (partition by u.org_id, u.request_id order by u.position) as nth
    from unnest(p_org_ids, p_request_ids, p_request_hashes) with ordinality
      as u (org_id, request_id, request_hash, position)) g
  left join requests r on r.org_id = g.org_id and r.request_id = g.request_id;

  if 'replayed' = any (v_outcomes) then
    perform note_repeats('request', array_agg(r.org_id), array_agg(r.request_id),
      array_agg(r.trace_id::text), array_agg(substr(g.traceparent, 4, 32)), p_now)
    from unnest(p_org_ids, p_request_ids, p_traceparents, v_outcomes)
      as g (org_id, request_id, traceparent, outcome)
    cross join lateral (
      select r.*
      from requests r
      where r.org_id = g.org_id and r.request_id = g.request_id
      limit 1
    ) r
    where g.outcome = 'replayed';
  end if;
  return v_outcomes;
end;
$$;
