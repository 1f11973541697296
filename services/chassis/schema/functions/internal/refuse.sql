-- Ends the function with a refusal that reaches the caller: SQLSTATE WB and the reason's number in
-- error_reason.proto, a message for people, metadata for programs.
create or replace function refuse(
  p_reason_number int,
  p_message text,
  p_metadata jsonb default '{}'
) returns void
language plpgsql
set search_path from current
as $$
begin
  raise exception using
    errcode = 'WB' || lpad(p_reason_number::text, 3, '0'),
    message = p_message,
    detail = p_metadata::text;
end;
$$;
