"""Rows that a guard has to refuse, each by its name, and roles.

An attack meets one guard: whatever else could refuse the row is taken from the table first, in a
transaction that is rolled back. `attacked` answers '' where the guard held.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from tools.schema_guards.grants import attacked_functions, attacked_grant, attacked_schema
from tools.schema_guards.guard import Connection, SchemaGuard
from tools.schema_guards.policies import attacked_policy, attacked_row_security
from tools.schema_guards.rows import Table, table
from tools.schema_guards.transactions import undone

_REFUSALS = """
  select format('alter table %s %s', $1::text,
    string_agg(format('drop constraint %I cascade', conname), ', ')) as sql
  from pg_constraint
  where conrelid = $1::text::regclass and contype::text = any ($2) and conname <> $3
  having count(*) > 0
  union all
  select format('drop index %s', x.indexrelid::regclass) from pg_index x
  join pg_class i on i.oid = x.indexrelid
  where x.indrelid = $1::text::regclass and x.indisunique and i.relname <> $3 and 'u' = any ($2)
    and not exists (select from pg_constraint c where c.conindid = x.indexrelid)
"""
# What refuses a single row of an empty database, and what refuses a second one.
ALONE = ("c", "f")
BESIDE = (*ALONE, "p", "u", "x")


async def attacked(connection: Connection, guard: SchemaGuard) -> str:
    """'' where the guard refuses what it has to, else what happened instead."""
    match guard.kind:
        case "domain":
            return await _attacked_domain(connection, guard)
        case "grant":
            return await attacked_grant(connection, guard)
        case "schema":
            return await attacked_schema(connection, guard)
        case "functions":
            return await attacked_functions(connection, guard)
    target = await table(connection, guard.schema, guard.table)
    match guard.kind:
        case "key":
            return await _attacked_key(connection, guard, target)
        case "check" | "foreign key":
            return await _attacked_by_one_row(connection, guard, target)
        case "not null":
            return await _attacked_columns(connection, guard, target)
        case "policy":
            async with bared(connection, target, of=BESIDE):
                return await attacked_policy(connection, target, guard.name)
        case "row security":
            async with bared(connection, target, of=BESIDE):
                return await attacked_row_security(connection, target)
    return "no row attacks this: write a test, and name it in tools/mutations/catalogue.py"


@asynccontextmanager
async def bared(
    connection: Connection,
    target: Table,
    *,
    but: str = "",
    of: tuple[str, ...] = ALONE,
) -> AsyncIterator[None]:
    """A table that refuses rows by that one guard only, until the end of the block."""
    async with undone(connection):
        for drop in await connection.fetch(_REFUSALS, str(target), of, but):
            await connection.execute(drop["sql"])
        await connection.execute(f"alter table {target} disable trigger user")
        await connection.execute("set constraints all immediate")
        yield


async def refusal(connection: Connection, sql: str) -> str:
    """The constraint, or the column, whose name refuses the statement; '': it is done."""
    try:
        async with connection.transaction():
            await connection.execute(sql)
    except asyncpg.NotNullViolationError as error:
        return str(error.column_name)
    except asyncpg.IntegrityConstraintViolationError as error:
        return str(error.constraint_name)
    return ""


def _told(guard: SchemaGuard, refused_by: str) -> str:
    if refused_by == guard.name:
        return ""
    return f"refused by {refused_by}" if refused_by else "let through"


def key_columns(definition: str, columns: Mapping[str, str]) -> list[str]:
    """The columns that a key, as the catalogue has it, is of."""
    key = definition.partition(" WHERE ")[0].partition("(")[2]
    return [word for word in re.findall(r"\w+", key) if word in columns]


async def _attacked_key(connection: Connection, guard: SchemaGuard, target: Table) -> str:
    """Two rows that have the key, and nothing else, in common."""
    first = {**target.row(), **guard.values}
    kept = {column: first[column] for column in key_columns(guard.definition, target.columns)}
    second = {**target.row(variant=1), **guard.values, **kept}
    async with bared(connection, target, but=guard.name, of=BESIDE):
        if refused := await refusal(connection, target.insert(first)):
            return f"the first row is refused by {refused}"
        return _told(guard, await refusal(connection, target.insert(second)))


async def _attacked_by_one_row(connection: Connection, guard: SchemaGuard, target: Table) -> str:
    """A row with refused values; for a foreign key any row, as there are none to refer to."""
    async with bared(connection, target, but=guard.name):
        row = {**target.row(), **guard.values}
        return _told(guard, await refusal(connection, target.insert(row)))


async def _attacked_columns(connection: Connection, guard: SchemaGuard, target: Table) -> str:
    """A row without a value, for each column."""
    let_through = []
    async with bared(connection, target):
        for column in guard.definition.split(", "):
            row = target.row() | {column: "null"}
            if await refusal(connection, target.insert(row)) != column:
                let_through.append(column)
    return f"null let through: {', '.join(let_through)}" if let_through else ""


async def _attacked_domain(connection: Connection, guard: SchemaGuard) -> str:
    given = guard.values.get("value", "null")
    refused = await refusal(connection, f"select ({given})::{guard.relation}")
    return _told(guard, refused)
