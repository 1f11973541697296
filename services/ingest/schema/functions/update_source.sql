-- Changes a source; null leaves a column as it is. A repeat changes nothing more. Returns the source.
-- Raises WB020 SOURCE_NOT_FOUND.
create or replace function update_source(
  p_org_id uuid,
  p_source_id uuid,
  p_name text,
  p_default_region text,
  p_access_token_ciphertext bytea,
  p_traceparent text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path from current
as $$
declare
  v_source sources;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  update sources s
  set name = coalesce(p_name, s.name),
      default_region = coalesce(p_default_region, s.default_region),
      access_token_ciphertext = coalesce(p_access_token_ciphertext, s.access_token_ciphertext),
      trace_id = substr(p_traceparent, 4, 32)
  where s.org_id = p_org_id and s.source_id = p_source_id
  returning * into v_source;
  if not found then
    perform refuse(20, 'There is no such source in this org.',
      jsonb_build_object('source_id', p_source_id));
  end if;
  return jsonb_build_object(
    'source_id', v_source.source_id, 'kind', v_source.kind, 'external_id', v_source.external_id,
    'name', v_source.name, 'default_region', v_source.default_region,
    'created_at', v_source.created_at);
end;
$$;
