-- Gives an endpoint a new sealed signing secret. The newest one before it signs beside it for
-- p_overlap_seconds, older ones end at once: at most two sign at the same time. Returns the
-- endpoint and the sealed secret; the same request id returns what it returned the first time.
-- Raises WB065 ENDPOINT_NOT_FOUND, WB005 REQUEST_ID_REUSED.
create or replace function rotate_endpoint_secret(
  p_org_id uuid,
  p_endpoint_id uuid,
  p_secret_id uuid,
  p_ciphertext bytea,
  p_overlap_seconds double precision,
  p_request_id text,
  p_request_hash text,
  p_traceparent text,
  p_now timestamptz default now()
) returns table (
  endpoint_id uuid,
  workspace_id uuid,
  url text,
  status text,
  disabled_reason text,
  created_at timestamptz,
  secret_id uuid,
  ciphertext bytea
)
language plpgsql
set search_path from current
as $$
#variable_conflict use_column
declare
  v_answer jsonb;
  v_workspace_id uuid;
begin
  perform set_tenant(array[p_org_id], null, p_traceparent);
  v_answer := begin_request(p_org_id, p_request_id, p_request_hash, p_traceparent, p_now);
  if v_answer is null then
    select e.workspace_id into v_workspace_id
    from endpoints e
    where e.org_id = p_org_id and e.endpoint_id = p_endpoint_id;
    if v_workspace_id is null then
      perform refuse(65, 'There is no such endpoint.',
        jsonb_build_object('endpoint_id', p_endpoint_id));
    end if;
    -- A claim reads the secrets under the same lock; the second of two rotations retires the secret
    -- of the first.
    perform lock_accounts(array[p_org_id], array[v_workspace_id]);
    update endpoint_secrets s
    set retired_at = least(s.retired_at, p_now + make_interval(secs => case
          when exists (
            select from endpoint_secrets n
            where n.org_id = s.org_id and n.endpoint_id = s.endpoint_id
              and (n.created_at, n.secret_id) > (s.created_at, s.secret_id)) then 0
          else p_overlap_seconds end))
    where s.org_id = p_org_id and s.endpoint_id = p_endpoint_id
      and (s.retired_at is null or s.retired_at > p_now);
    insert into endpoint_secrets
      (org_id, endpoint_id, secret_id, workspace_id, ciphertext, created_at, trace_id)
    values (p_org_id, p_endpoint_id, p_secret_id, v_workspace_id, p_ciphertext, p_now,
      substr(p_traceparent, 4, 32));
    v_answer := jsonb_build_object('endpoint_id', p_endpoint_id, 'secret_id', p_secret_id);
    perform finish_request(p_org_id, p_request_id, v_answer);
  end if;
  return query
  select e.endpoint_id, e.workspace_id, e.url, e.status, e.disabled_reason, e.created_at,
    s.secret_id, s.ciphertext
  from jsonb_to_record(v_answer) as a (endpoint_id uuid, secret_id uuid)
  join endpoints e on e.org_id = p_org_id and e.endpoint_id = a.endpoint_id
  join endpoint_secrets s
    on s.org_id = e.org_id and s.endpoint_id = e.endpoint_id and s.secret_id = a.secret_id;
end;
$$;
