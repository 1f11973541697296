"""Functions, grants and policies: files that are applied again where they differ.

The schema's table `applied_files` keeps what was applied, by name and checksum. All functions that
differ are replaced in one transaction, with the grants; policies one table a transaction, because
each locks its table against everybody. What is gone from the database is applied as well.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

import asyncpg

from services.chassis.migrate.locks import Connection, MigrationFailedError
from services.chassis.migrate.schemas import CHASSIS, RUNS_AS_SYSTEM, Schema, function_files

_FUNCTIONS: Final = """
  select distinct proname from pg_proc p
  where pronamespace = to_regnamespace($1) and not exists (
    select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  order by proname
"""
_RELATIONS: Final = """
  select relname from pg_class
  where relnamespace = to_regnamespace($1) and relkind in ('r', 'p', 'v', 'S') order by relname
"""
# Tables with an org_id, whether they are a workspace's too, and whether their policies are there.
_TENANT_TABLES: Final = """
  select c.relname as name,
    bool_or(a.attname = 'workspace_id') as has_workspace,
    c.relrowsecurity and c.relforcerowsecurity and 2 = (
      select count(*) from pg_policy where polrelid = c.oid and polname in ('tenant', 'system')
    ) as is_guarded
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p')
  group by c.oid
  having bool_or(a.attname = 'org_id')
  order by c.relname
"""
_CHANGED_SIGNATURE: Final = (
    "the result, the argument names or the argument types of a function never change, because"
    " running processes call it as it was: leave the file and write the new one as {name}_v2.sql"
)


async def differing_functions(connection: Connection, schema: Schema) -> list[Path]:
    """The files whose function was applied from another text, or is not there."""
    applied = await _applied(connection, schema)
    there = {row["proname"] for row in await connection.fetch(_FUNCTIONS, schema.name)}
    return [
        path
        for path in _files(schema)
        if path.stem not in there or applied.get(_function_key(path)) != _checksum(path.read_text())
    ]


async def functions_left(connection: Connection, schema: Schema) -> list[str]:
    """Functions in the schema that have no file any more."""
    named = {path.stem for path in _files(schema)}
    rows = await connection.fetch(_FUNCTIONS, schema.name)
    return [row["proname"] for row in rows if row["proname"] not in named]


async def grants_differ(connection: Connection, schema: Schema) -> bool:
    """Whether the grants' files changed, or tables or functions are new or about to be made."""
    there = {row["proname"] for row in await connection.fetch(_FUNCTIONS, schema.name)}
    if any(path.stem not in there for path in _files(schema)):
        return True
    applied = await _applied(connection, schema)
    return applied.get("grants") != await _grants_checksum(connection, schema)


async def differing_policies(connection: Connection, schema: Schema) -> list[str]:
    """The tables whose policies were made from another text, or are not there."""
    applied = await _applied(connection, schema)
    return [
        row["name"]
        for row in await connection.fetch(_TENANT_TABLES, schema.name)
        if not row["is_guarded"]
        or applied.get(_policies_key(row["name"])) != _policies_checksum(row["has_workspace"])
    ]


async def apply_functions(connection: Connection, schema: Schema) -> None:
    """Replaces what differs, and grants where that or the files ask for it, all at once."""
    async with connection.transaction():
        await connection.execute("set local check_function_bodies = off")
        await connection.execute(f"set local search_path = {schema.name}, pg_temp")
        must_grant = await grants_differ(connection, schema)
        for path in await differing_functions(connection, schema):
            await _apply_function(connection, schema, path)
        await connection.execute("reset role")
        if must_grant:
            for folder in (CHASSIS, schema.folder):
                await connection.execute((folder / "grants.sql").read_text())
            checksum = await _grants_checksum(connection, schema)
            await _note(connection, schema, "grants", checksum)


async def apply_policies(connection: Connection, schema: Schema, table: str) -> None:
    """Makes the policies of one table."""
    tables = await connection.fetch(_TENANT_TABLES, schema.name)
    has_workspace = next(row["has_workspace"] for row in tables if row["name"] == table)
    async with connection.transaction():
        await connection.execute(f"set local search_path = {schema.name}, pg_temp")
        await connection.execute("select set_config('waybill.policies_of', $1, true)", table)
        await connection.execute((CHASSIS / "policies.sql").read_text())
        await _note(connection, schema, _policies_key(table), _policies_checksum(has_workspace))


async def _apply_function(connection: Connection, schema: Schema, path: Path) -> None:
    text = _text(path)
    role = schema.system if text.startswith(RUNS_AS_SYSTEM) else schema.owner
    await connection.execute(f"set local role {role}")
    try:
        await connection.execute(text)
    except asyncpg.InvalidFunctionDefinitionError as error:
        raise _changed_signature(schema, path, str(error)) from None
    await connection.execute("reset role")
    signatures = await connection.fetch(
        "select oid::regprocedure::text as signature from pg_proc"
        " where pronamespace = to_regnamespace($1) and proname = $2 order by 1",
        schema.name,
        path.stem,
    )
    if len(signatures) > 1:
        told = " beside ".join(row["signature"] for row in signatures)
        raise _changed_signature(schema, path, f"there would be {told}")
    await _note(connection, schema, _function_key(path), _checksum(text))


def _changed_signature(schema: Schema, path: Path, why: str) -> MigrationFailedError:
    rule = _CHANGED_SIGNATURE.format(name=path.stem)
    return MigrationFailedError(f"{schema.name}: {path.name}: {why}; {rule}")


async def _applied(connection: Connection, schema: Schema) -> dict[str, str]:
    """What was applied, by name; nothing before the table's migration has run."""
    table = f"{schema.name}.applied_files"
    if await connection.fetchval("select to_regclass($1) is null", table):
        return {}
    rows = await connection.fetch(f"select name, checksum from {table}")
    return {row["name"]: row["checksum"] for row in rows}


async def _note(connection: Connection, schema: Schema, name: str, checksum: str) -> None:
    await connection.execute(
        f"insert into {schema.name}.applied_files (name, checksum) values ($1, $2)"
        " on conflict (name) do update set checksum = excluded.checksum, applied_at = now()",
        name,
        checksum,
    )


async def _grants_checksum(connection: Connection, schema: Schema) -> str:
    texts = [(folder / "grants.sql").read_text() for folder in (CHASSIS, schema.folder)]
    for query in (_RELATIONS, _FUNCTIONS):
        texts += [row[0] for row in await connection.fetch(query, schema.name)]
    return _checksum(*texts)


def _policies_checksum(has_workspace: bool) -> str:
    return _checksum((CHASSIS / "policies.sql").read_text(), str(has_workspace))


def _files(schema: Schema) -> list[Path]:
    return [path for folder in (CHASSIS, schema.folder) for path in function_files(folder)]


def _text(path: Path) -> str:
    return path.read_text()


def _function_key(path: Path) -> str:
    return f"function {path.stem}"


def _policies_key(table: str) -> str:
    return f"policies {table}"


def _checksum(*texts: str) -> str:
    return sha256("\0".join(texts).encode()).hexdigest()
