-- What holds in every schema: only the service may enter; it executes every function; the system
-- role reaches every table. A service's own grants.sql says which tables its login role reaches.
do $$
declare
  v_service constant text := 'waybill_' || current_schema();
  v_system constant text := v_service || '_system';
begin
  execute format('revoke all on schema %I from public', current_schema());
  execute format('grant usage on schema %I to %I, %I', current_schema(), v_service, v_system);
  execute format('revoke all on all tables in schema %I from public, %I',
    current_schema(), v_service);
  execute format('grant select, insert, update, delete on all tables in schema %I to %I',
    current_schema(), v_system);
  execute format('revoke all on all functions in schema %I from public', current_schema());
  execute format('grant execute on all functions in schema %I to %I, %I',
    current_schema(), v_service, v_system);
  execute format('grant select, insert, update on outbox, requests, repeats to %I', v_service);
  execute format('grant select, insert, delete on ticks to %I', v_service);
end;
$$;
