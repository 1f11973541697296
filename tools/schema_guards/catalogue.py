"""The guards that a database has, from its catalogue."""

from tests.conventions.schemas import IN_SCHEMAS
from tools.schema_guards.guard import EVERYTHING, Connection, SchemaGuard

_CONSTRAINTS = f"""
  select n.nspname as schema, coalesce(t.relname, y.typname) as "table",
    case when c.contypid <> 0 then 'domain' when c.contype = 'c' then 'check'
      when c.contype = 'f' then 'foreign key' else 'key' end as kind,
    c.conname as name, pg_get_constraintdef(c.oid) as definition
  from pg_constraint c
  join pg_namespace n on n.oid = c.connamespace
  left join pg_class t on t.oid = c.conrelid
  left join pg_type y on y.oid = c.contypid
  where n.nspname in {IN_SCHEMAS} and c.contype in ('p', 'u', 'x', 'f', 'c')
"""
_INDEXES = f"""
  select n.nspname, t.relname, 'key', i.relname, pg_get_indexdef(i.oid)
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join pg_class t on t.oid = x.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in {IN_SCHEMAS} and x.indisunique
    and not exists (select from pg_constraint c where c.conindid = i.oid and c.contype <> 'f')
"""
_COLUMNS = f"""
  select n.nspname, t.relname, 'not null', 'columns',
    string_agg(a.attname, ', ' order by a.attname collate "C")
  from pg_attribute a
  join pg_class t on t.oid = a.attrelid and t.relkind in ('r', 'p')
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in {IN_SCHEMAS} and a.attnotnull and a.attnum > 0 and not a.attisdropped
  group by 1, 2
"""
# Not the expression: what a policy means is tried out, and test_schema.py reads it.
_POLICIES = f"""
  select n.nspname, t.relname, 'policy', p.polname,
    case when p.polpermissive then 'permissive' else 'restrictive' end || ' for '
    || case p.polcmd when '*' then 'all' else p.polcmd::text end || ' to '
    || coalesce((select string_agg(rolname, ', ' order by rolname) from pg_roles
                 where oid = any (p.polroles)), 'public')
  from pg_policy p
  join pg_class t on t.oid = p.polrelid
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in {IN_SCHEMAS}
"""
_ROW_SECURITY = f"""
  select n.nspname, t.relname, 'row security', 'forced', 'enabled and forced'
  from pg_class t join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in {IN_SCHEMAS} and t.relrowsecurity and t.relforcerowsecurity
"""
_TRIGGERS = f"""
  select n.nspname, t.relname, 'trigger', g.tgname,
    pg_get_triggerdef(g.oid) || case g.tgenabled when 'O' then '' else ' disabled' end
  from pg_trigger g
  join pg_class t on t.oid = g.tgrelid
  join pg_namespace n on n.oid = t.relnamespace
  where n.nspname in {IN_SCHEMAS} and not g.tgisinternal
"""
_ROLES = rf"""
  select n.nspname as schema, n.oid, r.rolname::text as role, r.oid as role_oid
  from pg_namespace n
  cross join (select rolname, oid from pg_roles where rolname like 'waybill\_%'
              union all select 'public', 0) r
  where n.nspname in {IN_SCHEMAS}
"""
# A privilege of a single column counts as the table's. Owners, which only migrate, have them all.
_GRANTS = f"""
  select r.schema, t.relname, 'grant', r.role, coalesce(g.privileges, 'nothing')
  from ({_ROLES}) r
  join pg_class t on t.relnamespace = r.oid and t.relkind in ('r', 'p', 'v')
  cross join lateral (
    select string_agg(p, ', ' order by place) as privileges
    from unnest(array['select', 'insert', 'update', 'delete', 'truncate'])
      with ordinality as a (p, place)
    where has_table_privilege(r.role_oid, t.oid, p)
      or p in ('select', 'insert', 'update') and has_any_column_privilege(r.role_oid, t.oid, p)
  ) g
  where r.role = 'waybill_' || r.schema or g.privileges is not null and r.role_oid <> t.relowner
"""
_SCHEMAS = f"""
  select r.schema, '{EVERYTHING}', 'schema', 'reached',
    coalesce(string_agg(r.role, ', ' order by r.role), 'by nobody')
  from ({_ROLES}) r
  where has_schema_privilege(r.role_oid, r.oid, 'usage')
  group by r.schema
"""
_FUNCTIONS = f"""
  select r.schema, '{EVERYTHING}', 'functions', 'called',
    coalesce(string_agg(r.role, ', ' order by r.role), 'by nobody')
  from ({_ROLES}) r
  where exists (select from pg_proc p where p.pronamespace = r.oid
                and has_function_privilege(r.role_oid, p.oid, 'execute'))
  group by r.schema
"""
_DEFENCES = " union all ".join(
    (
        *(_CONSTRAINTS, _INDEXES, _COLUMNS, _POLICIES, _ROW_SECURITY, _TRIGGERS),
        *(_GRANTS, _SCHEMAS, _FUNCTIONS),
    )
)


async def schema_guards(connection: Connection) -> list[SchemaGuard]:
    """Every guard of every service's schema; without values."""
    return [SchemaGuard(**row) for row in await connection.fetch(_DEFENCES)]
