"""Whether roles reach only what they are granted: each tries what it is not."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.chassis.migrate import Schema, schemas
from tools.schema_guards.guard import Connection, SchemaGuard
from tools.schema_guards.rows import Table, table
from tools.schema_guards.transactions import undone

# What a role may do with rows. Of views, which join tables here, none can be changed.
PRIVILEGES: Final = ("select", "insert", "update", "delete", "truncate")
_FUNCTIONS: Final = """
  select p.proname as name, format('select %s(%s)', p.oid::regproc,
    (select string_agg('null::' || format_type(t, null), ', ' order by place)
     from unnest(p.proargtypes) with ordinality as a (t, place))) as call
  from pg_proc p
  where p.pronamespace = $1::regnamespace
  order by 1
"""


def lacking(guard: SchemaGuard, *, of_table: bool) -> list[str]:
    """What of the privileges the role was not granted."""
    granted = guard.definition.split(", ")
    return [each for each in PRIVILEGES if of_table and each not in granted]


def _tried(*, of_table: bool) -> Sequence[str]:
    """What can be done with rows of a table, or of a view, at all."""
    return PRIVILEGES if of_table else PRIVILEGES[:1]


def other_logins(schema: str) -> list[str]:
    """The login roles of the other services."""
    return [each.login for each in schemas() if each.name != schema]


async def is_table(connection: Connection, relation: str) -> bool:
    """Whether it is one, and no view."""
    kind = "select relkind in ('r', 'p') from pg_class where oid = $1::text::regclass"
    return bool(await connection.fetchval(kind, relation))


async def attacked_grant(connection: Connection, guard: SchemaGuard) -> str:
    """'' where the role is denied each privilege that it was not granted.

    With the own login's, every privilege is tried by the other services' logins too, once they are
    let in; what everybody may do, they may.
    """
    target = await table(connection, guard.schema, guard.table)
    of_table = await is_table(connection, guard.relation)
    what = f"{'table' if of_table else 'view'} {guard.table}"
    tries = [(guard.name, privilege) for privilege in lacking(guard, of_table=of_table)]
    if guard.name == Schema(name=guard.schema).login:
        others = other_logins(guard.schema)
        tries += [(role, each) for role in others for each in _tried(of_table=of_table)]
    done: dict[str, list[str]] = {}
    async with undone(connection):
        for role in {role for role, _ in tries} - {guard.name}:
            await connection.execute(f"grant usage on schema {guard.schema} to {role}")
        for role, privilege in tries:
            if not await denied(connection, role, _statement(target, privilege), what):
                done.setdefault(role, []).append(privilege)
    return "; ".join(f"{role} may {', '.join(each)}" for role, each in done.items())


async def attacked_schema(connection: Connection, guard: SchemaGuard) -> str:
    """'' where no other service comes in, and the own one makes nothing."""
    own, what = Schema(name=guard.schema).login, f"schema {guard.schema}"
    look = f"select '{guard.schema}.outbox'::regclass"
    tries = dict.fromkeys(other_logins(guard.schema), look)
    tries[own] = f"create table {guard.schema}.mine ()"
    done = [
        f"{role} may {statement}"
        for role, statement in tries.items()
        if not await denied(connection, role, statement, what)
    ]
    return "; ".join(done)


async def attacked_functions(connection: Connection, guard: SchemaGuard) -> str:
    """'' where no other service, once it is let in, may call a function."""
    role = other_logins(guard.schema)[0]
    functions = await connection.fetch(_FUNCTIONS, guard.schema)
    async with undone(connection):
        await connection.execute(f"grant usage on schema {guard.schema} to {role}")
        answered = [
            call
            for name, call in functions
            if not await denied(connection, role, call, f"function {name}")
        ]
    return f"{role} may call: {'; '.join(answered)}" if answered else ""


async def denied(connection: Connection, role: str, statement: str, what: str) -> bool:
    """Whether the role is refused for want of a privilege on that; whatever it does is undone."""
    async with undone(connection):
        await connection.execute(f"set local role {role}")
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError as error:
            # Policies refuse by the same SQLSTATE, and so does what a function goes on to.
            return str(error) == f"permission denied for {what}"
        except asyncpg.PostgresError:
            return False
        return False


def _statement(target: Table, privilege: str) -> str:
    """Does with the table what takes the privilege, and no other one, to no row at all."""
    column = next(iter(target.columns))
    nothing = f"null::{target.columns[column]}"
    statements = {
        "select": f"select from {target}",
        "insert": f"insert into {target} ({column}) select {nothing} where false",
        "update": f"update {target} set {column} = {nothing} where false",
        "delete": f"delete from {target} where false",
        "truncate": f"truncate {target}",
    }
    return statements[privilege]


def ways(guard: SchemaGuard, functions: Sequence[str], *, of_table: bool) -> dict[str, str]:
    """SQL by what it grants too much."""
    schema = guard.schema
    match guard.kind:
        case "grant":
            more = {
                f"and {privilege}": f"grant {privilege} on {guard.relation} to {guard.name}"
                for privilege in lacking(guard, of_table=of_table)
            }
            if guard.name != Schema(name=schema).login:
                return more
            return more | {
                f"read by {role}": f"grant select on {guard.relation} to {role}"
                for role in ("public", *other_logins(schema))
            }
        case "schema":
            usage = {
                f"open to {role}": f"grant usage on schema {schema} to {role}"
                for role in ("public", *other_logins(schema))
            }
            own = Schema(name=schema).login
            return usage | {f"made in by {own}": f"grant create on schema {schema} to {own}"}
        case _:
            return {
                f"and {function} of everybody": f"grant execute on function {function} to public"
                for function in functions
            }
