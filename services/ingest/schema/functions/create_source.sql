-- Creates a source and, for a page, account or number, adds it to the directory: from then on its
-- events are this org's. Returns the source; the same request id returns the same one.
-- Raises WB005 REQUEST_ID_REUSED, WB021 SOURCE_TAKEN, WB025 ORG_NOT_FOUND.
create or replace function create_source(
  p_org_id uuid,
  p_source_id uuid,
  p_kind text,
  p_external_id text,
  p_name text,
  p_default_region text,
  p_access_token_ciphertext bytea,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_answer jsonb;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is not null then
    return v_answer;
  end if;
  if not exists (select from orgs where org_id = p_org_id) then
    perform refuse(25, 'The org of this token does not exist.', jsonb_build_object('org_id', p_org_id));
  end if;
  insert into sources (org_id, source_id, kind, external_id, name, default_region,
    access_token_ciphertext, created_at, trace_id)
  values (p_org_id, p_source_id, p_kind, p_external_id, p_name, p_default_region,
    p_access_token_ciphertext, p_now, substr(p_traceparent, 4, 32))
  on conflict do nothing;
  if found and p_kind <> 'form' then
    insert into source_directory (kind, external_id, owner_org_id, source_id)
    values (p_kind, p_external_id, p_org_id, p_source_id)
    on conflict do nothing;
  end if;
  if not found then
    perform refuse(21, 'The page, account, number or form belongs to a source already.',
      jsonb_build_object('kind', p_kind, 'external_id', p_external_id));
  end if;
  return finish_request(p_org_id, p_request_id, jsonb_build_object(
    'source_id', p_source_id, 'kind', p_kind, 'external_id', p_external_id, 'name', p_name,
    'default_region', p_default_region, 'created_at', p_now));
end;
$$;
