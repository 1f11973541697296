-- A page of the org's leads, newest first, before p_before (null: from the newest), or one of them.
create or replace function list_leads(
  p_org_id uuid,
  p_lead_id uuid,
  p_limit int,
  p_before uuid default null
) returns table (
  lead_id uuid,
  contact_id uuid,
  conversation_id uuid,
  source_id uuid,
  type text,
  phone text,
  phone_raw text,
  email text,
  full_name text,
  external_id text,
  answers jsonb,
  consents jsonb,
  created_at timestamptz,
  trace_id text
)
language plpgsql
stable
set search_path from current
set plan_cache_mode = force_custom_plan
as $$
begin
  perform set_tenant(array[p_org_id]);
  return query
  select l.lead_id, l.contact_id, l.conversation_id, l.source_id, l.type, l.phone, l.phone_raw,
    l.email, l.full_name, l.external_id, l.answers, l.consents, l.created_at, l.trace_id::text
  from leads l
  where l.org_id = p_org_id
    and (p_lead_id is null or l.lead_id = p_lead_id)
    and (p_before is null or l.lead_id < p_before)
  order by l.lead_id desc
  limit p_limit;
end;
$$;
