"""The steps of `waybill migrate`: up, what up would do, down, one step back, status."""

import asyncio
import os
import subprocess
import sysconfig
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from services.chassis.migrate.applied_files import (
    apply_functions,
    apply_policies,
    differing_functions,
    differing_policies,
    functions_left,
    grants_differ,
)
from services.chassis.migrate.locks import (
    LOCK_TIMEOUT_MILLISECONDS,
    Connection,
    MigrationFailedError,
    connected,
    migrating,
    repeated,
)
from services.chassis.migrate.schemas import CHASSIS, Schema, function_files

_DBMATE: Final = Path(sysconfig.get_path("scripts")) / "dbmate"
# The creator of a role is its member by itself since PostgreSQL 16, but may not become it.
_IS_MEMBER: Final = """
  select rolsuper or 2 = (
    select count(distinct roleid) from pg_auth_members
    where member = r.oid and roleid in ($1::regrole, $2::regrole) and not admin_option)
  from pg_roles r where rolname = current_user
"""
_LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1", "", None)


async def up(schema: Schema, admin_url: str) -> None:
    """Brings the schema to the newest state, on a running system too; safe to repeat.

    Only what differs is changed, and one migrator works on a database at a time. Whatever waits
    for a lock gives it up after two seconds and tries again, so that calls are not held up.
    """
    async with migrating(admin_url) as connection:
        await repeated(partial(_prepare, connection, schema))
        for folder, table in _migration_folders(schema):
            if await _pending(connection, folder, table):
                await repeated(partial(_dbmate, schema, admin_url, folder, table, "migrate"))
        await repeated(partial(apply_functions, connection, schema))
        for table in await differing_policies(connection, schema):
            await repeated(partial(apply_policies, connection, schema, table))


async def plan(schema: Schema, admin_url: str) -> list[str]:
    """What `up` would run now, in its order; changes nothing.

    A pending migration may make more tables or drop functions: what that adds is not foreseen.
    """
    async with connected(admin_url) as connection:
        steps = [
            f"migration {folder.parent.parent.name}/{name}"
            for folder, table in _migration_folders(schema)
            for name in await _pending(connection, folder, table)
        ]
        if await connection.fetchval("select to_regnamespace($1) is null", schema.name):
            paths = [path for folder in (CHASSIS, schema.folder) for path in function_files(folder)]
            return [*steps, *(f"function {path.stem}" for path in paths), "grants"]
        changes = await differing_functions(connection, schema)
        steps += [f"function {path.stem}" for path in changes]
        if await grants_differ(connection, schema):
            steps.append("grants")
        tables = await differing_policies(connection, schema)
        return [*steps, *(f"policies {table}" for table in tables)]


async def down(schema: Schema, admin_url: str) -> None:
    """Takes the schema back by all its migrations, functions included; data is lost."""
    async with migrating(admin_url) as connection:
        await _drop_functions(connection, schema)
        for folder, table in reversed(_migration_folders(schema)):
            for _ in _versions(folder):
                await _dbmate(schema, admin_url, folder, table, "rollback")
        await connection.execute(f"drop schema if exists {schema.name} cascade")


async def step_back(schema: Schema, admin_url: str, version: str) -> None:
    """Rolls back the service's newest migration, after which `version` is the newest.

    Functions stay as they are, but for those that the migration itself takes back. Raises
    MigrationFailedError where `version` is not the one before the newest.
    """
    folder, table = _migration_folders(schema)[-1]
    async with migrating(admin_url) as connection:
        applied = await _applied_versions(connection, table)
        before = applied[-2] if len(applied) > 1 else "none"
        if version != before:
            raise MigrationFailedError(
                f"{schema.name}: --to must be the version before the newest, which is {before}:"
                " one step back at a time"
            )
        await repeated(partial(_dbmate, schema, admin_url, folder, table, "rollback"))


async def status(schema: Schema, admin_url: str) -> str:
    """Which migrations are applied and which are pending, in dbmate's words.

    Functions whose file is gone stay, because processes of an older release call them; each is a
    line `[-] function <name>`.
    """
    parts = [
        await _dbmate(schema, admin_url, folder, table, "status")
        for folder, table in _migration_folders(schema)
    ]
    async with connected(admin_url) as connection:
        parts += [f"[-] function {name}\n" for name in await functions_left(connection, schema)]
    return "".join(parts)


def _migration_folders(schema: Schema) -> list[tuple[Path, str]]:
    return [
        (CHASSIS / "migrations", f"{schema.name}.chassis_migrations"),
        (schema.folder / "migrations", f"{schema.name}.schema_migrations"),
    ]


def _versions(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.sql"))


async def _applied_versions(connection: Connection, table: str) -> list[str]:
    if await connection.fetchval("select to_regclass($1) is null", table):
        return []
    rows = await connection.fetch(f"select version from {table} order by version")
    return [row["version"] for row in rows]


async def _pending(connection: Connection, folder: Path, table: str) -> list[str]:
    applied = await _applied_versions(connection, table)
    return [name for name in _versions(folder) if name.partition("_")[0] not in applied]


async def _prepare(connection: Connection, schema: Schema) -> None:
    async with connection.transaction():
        await _create_roles(connection, schema)
        await _create_extensions(connection, schema)


async def _create_roles(connection: Connection, schema: Schema) -> None:
    for role, attributes in (
        (schema.owner, "nologin noinherit"),
        (schema.system, "nologin noinherit"),
        (schema.login, "login noinherit nosuperuser nobypassrls"),
    ):
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
            await connection.execute(f"create role {role} {attributes}")
    if not await connection.fetchval(_IS_MEMBER, schema.owner, schema.system):
        await connection.execute(f"grant {schema.owner}, {schema.system} to current_user")
    if await connection.fetchval("select to_regnamespace($1) is null", schema.name):
        await connection.execute(f"create schema {schema.name} authorization {schema.owner}")
    if not await connection.fetchval(
        "select has_schema_privilege($1, $2, 'create')", schema.system, schema.name
    ):
        await connection.execute(f"grant usage, create on schema {schema.name} to {schema.system}")


async def _create_extensions(connection: Connection, schema: Schema) -> None:
    """What the schema's tables need of the server; its owner may not make it."""
    path = schema.folder / "extensions.sql"
    if path.exists():
        await connection.execute(path.read_text())


async def _drop_functions(connection: Connection, schema: Schema) -> None:
    functions = await connection.fetch(
        "select oid::regprocedure::text as signature from pg_proc"
        " where pronamespace = to_regnamespace($1)",
        schema.name,
    )
    for function in functions:
        await connection.execute(f"drop function {function['signature']} cascade")


async def _dbmate(schema: Schema, admin_url: str, folder: Path, table: str, command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        _DBMATE,
        *("--migrations-dir", str(folder), "--migrations-table", table),
        *("--no-dump-schema", "--migration-lock", command),
        env={**os.environ, "DATABASE_URL": dbmate_url(schema, admin_url)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise MigrationFailedError(f"{schema.name}: {output.decode().strip()}")
    return output.decode()


def dbmate_url(schema: Schema, admin_url: str) -> str:
    """The URL with which dbmate works as the schema's owner, inside the schema."""
    parts = urlsplit(admin_url)
    query = dict(parse_qsl(parts.query))
    if parts.hostname in _LOCAL_HOSTS:
        query.setdefault("sslmode", "disable")
    query |= {
        "role": schema.owner,
        "search_path": schema.name,
        "lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS),
    }
    encoded = urlencode(query, quote_via=quote)
    return urlunsplit(("postgres", parts.netloc, parts.path, encoded, ""))
