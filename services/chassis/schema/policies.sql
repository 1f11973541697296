-- Row-level security, enabled and forced on every table of the schema that has an org_id, here on
-- the one that the setting waybill.policies_of names, because it locks it against everybody: a
-- statement sees and writes only rows of the orgs (and the workspace) that `set_tenant` named. The
-- system role, which owns the claims and sweeps over all tenants, sees all.
do $$
declare
  v_table record;
  v_orgs constant text :=
    -- Cast inside, so that it is done once and not for every row; the outer cast makes it an array.
    '(select coalesce(nullif(current_setting(''app.org_ids'', true), ''''), ''{}'')::uuid[])'
    ' @> array[org_id]';
  v_workspace constant text :=
    'and ((select coalesce(current_setting(''app.workspace_id'', true), '''')) = '''' or workspace_id'
    ' = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))';
  v_rule text;
begin
  for v_table in
    select c.relname as name, bool_or(a.attname = 'workspace_id') as has_workspace
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
      and c.relname = current_setting('waybill.policies_of')
    group by c.relname
    having bool_or(a.attname = 'org_id')
  loop
    v_rule := v_orgs || case when v_table.has_workspace then ' ' || v_workspace else '' end;
    execute format('alter table %I enable row level security', v_table.name);
    execute format('alter table %I force row level security', v_table.name);
    execute format('drop policy if exists tenant on %I', v_table.name);
    execute format('drop policy if exists system on %I', v_table.name);
    execute format('create policy tenant on %I using (%s) with check (%s)',
      v_table.name, v_rule, v_rule);
    execute format('create policy system on %I to %I using (true) with check (true)',
      v_table.name, 'waybill_' || current_schema() || '_system');
  end loop;
end;
$$;
