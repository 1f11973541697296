-- Keeps the answer of a request that `begin_request` opened, and returns it.
create or replace function finish_request(
  p_org_id uuid,
  p_request_id text,
  p_answer jsonb
) returns jsonb
language plpgsql
set search_path from current
as $$
begin
  update requests
  set answer = p_answer
  where org_id = p_org_id and request_id = p_request_id;
  return p_answer;
end;
$$;
