"""Every guard of the catalogue, taken away on its own: what the attacks of the list must notice.

The mutations come from the database, the attacks from tools/schema_guards/listed: a guard that is
not listed survives.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from tools.schema_guards.attacks import attacked
from tools.schema_guards.catalogue import schema_guards
from tools.schema_guards.grants import is_table, ways
from tools.schema_guards.guard import Connection, SchemaGuard
from tools.schema_guards.listed import listed
from tools.schema_guards.transactions import undone

_ORG = "org_id = any (coalesce(nullif(current_setting('app.org_ids', true), ''), '{}')::uuid[])"
_POLICIES = {
    "tenant": {
        "gone": "drop policy tenant on %s",
        "open": "alter policy tenant on %s using (true) with check (true)",
        "open for reading": "alter policy tenant on %s using (true)",
        "open for writing": "alter policy tenant on %s with check (true)",
    },
    "system": {
        "gone": "drop policy system on %s",
        "of everybody": "alter policy system on %s to public",
    },
}
_WORKSPACES = {
    "blind for workspaces": f"alter policy tenant on %s using ({_ORG}) with check ({_ORG})",
    "blind for workspaces read": f"alter policy tenant on %s using ({_ORG})",
    "blind for workspaces written": f"alter policy tenant on %s with check ({_ORG})",
}
_ROW_SECURITY = {
    "not forced": "alter table %s no force row level security",
    "disabled": "alter table %s disable row level security",
}
_OF_WORKSPACES = """
  select exists (select from pg_attribute
                 where attrelid = $1::text::regclass and attname = 'workspace_id')
"""
_IN_KEY = """
  select a.attname from pg_index x
  join pg_attribute a on a.attrelid = x.indrelid and a.attnum = any (x.indkey)
  where x.indrelid = $1::text::regclass and x.indisprimary
"""
_OF_SCHEMA = """
  select p.oid::regprocedure::text as signature from pg_proc p
  where p.pronamespace = $1::regnamespace
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structural:
    """One guard less, or a weaker one: a grant too many is one."""

    name: str
    guard: SchemaGuard
    sql: str


async def structural(connection: Connection) -> AsyncIterator[Structural]:
    """Every way to take away one guard of the database; triggers have tests of their own."""
    for guard in sorted(await schema_guards(connection), key=lambda each: each.id):
        for how, sql in (await _ways(connection, guard)).items():
            yield Structural(name=f"{guard} {how}".strip(), guard=guard, sql=sql)


async def _ways(connection: Connection, guard: SchemaGuard) -> dict[str, str]:
    """SQL by what it does to the guard."""
    relation, name = guard.relation, guard.name
    match guard.kind:
        case "key" if guard.definition.startswith("CREATE"):
            return {"": f"drop index {guard.schema}.{name}"}
        case "key" | "foreign key" | "check":
            return {"": f"alter table {relation} drop constraint {name} cascade"}
        case "domain":
            return {"": f"alter domain {relation} drop constraint {name}"}
        case "not null":
            in_key = {row["attname"] for row in await connection.fetch(_IN_KEY, relation)}
            return {
                f"without {column}": f"alter table {relation} alter column {column} drop not null"
                for column in guard.definition.split(", ")
                if column not in in_key
            }
        case "policy":
            policies = _POLICIES[name]
            if name == "tenant" and await connection.fetchval(_OF_WORKSPACES, relation):
                policies = policies | _WORKSPACES
            return {how: sql % relation for how, sql in policies.items()}
        case "row security":
            return {how: sql % relation for how, sql in _ROW_SECURITY.items()}
        case "trigger":
            return {}
        case "grant" | "schema" | "functions":
            rows = await connection.fetch(_OF_SCHEMA, guard.schema)
            of_table = guard.kind == "grant" and await is_table(connection, relation)
            return ways(guard, [row["signature"] for row in rows], of_table=of_table)


class Attackers:
    """The attacks of the list, each on its guard."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._listed = {guard.id: guard for guard in listed()}

    async def notice(self, mutation: Structural) -> bool:
        """Whether the listed attack is refused as things are, and let through without the guard.

        Nothing of what is taken away stays away.
        """
        guard = self._listed.get(mutation.guard.id)
        if guard is None or await attacked(self._connection, guard):
            return False
        async with undone(self._connection):
            await self._connection.execute(mutation.sql)
            return bool(await attacked(self._connection, guard))
