"""Brings a service's schema up, down, or says where it stands.

Tables come by dbmate migrations (the chassis' and the service's own, each with a migrations table
in the schema); functions, policies and grants are `create or replace` files, applied after them in
one transaction under an advisory lock. Applying everything twice changes nothing.

Three roles for each service: `waybill_<service>_owner` owns tables and ordinary functions,
`waybill_<service>_system` owns the security definer functions that claim and sweep over all
tenants, `waybill_<service>` logs in and owns nothing.
"""

import asyncio
import os
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

SERVICES: Final = Path(__file__).parent.parent
CHASSIS: Final = Path(__file__).parent / "schema"
RUNS_AS_SYSTEM: Final = "-- runs as: system\n"
_DBMATE: Final = Path(sysconfig.get_path("scripts")) / "dbmate"
_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('waybill migrate', 0))"
_LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1", "", None)


class MigrationFailedError(Exception):
    """dbmate failed; the text is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One service's schema: its name and the folder with its files."""

    name: str

    @property
    def folder(self) -> Path:
        """`services/<name>/schema`."""
        return SERVICES / self.name / "schema"

    @property
    def owner(self) -> str:
        """The role that owns tables and ordinary functions."""
        return f"waybill_{self.name}_owner"

    @property
    def system(self) -> str:
        """The role that owns security definer functions."""
        return f"waybill_{self.name}_system"

    @property
    def login(self) -> str:
        """The role that the service logs in as."""
        return f"waybill_{self.name}"


def schemas() -> list[Schema]:
    """Every service that has a schema, by name."""
    folders = sorted(path.parent for path in SERVICES.glob("*/schema"))
    return [Schema(name=folder.name) for folder in folders if folder.name != "chassis"]


async def up(schema: Schema, admin_url: str) -> None:
    """Brings the schema to the newest state; safe to repeat and to run side by side."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            await connection.execute(_LOCK)
            await _create_roles(connection, schema)
            await _create_extensions(connection, schema)
        for folder, table in _migration_folders(schema):
            await _dbmate(schema, admin_url, folder, table, "migrate")
        async with connection.transaction():
            await connection.execute(_LOCK)
            await _apply_files(connection, schema)
    finally:
        await connection.close()


async def down(schema: Schema, admin_url: str) -> None:
    """Takes the schema back by all its migrations, functions included; data is lost."""
    connection = await asyncpg.connect(admin_url)
    try:
        await _drop_functions(connection, schema)
        for folder, table in reversed(_migration_folders(schema)):
            for _ in _versions(folder):
                await _dbmate(schema, admin_url, folder, table, "rollback")
        await connection.execute(f"drop schema if exists {schema.name} cascade")
    finally:
        await connection.close()


async def status(schema: Schema, admin_url: str) -> str:
    """Which migrations are applied and which are pending, in dbmate's words."""
    parts = [
        await _dbmate(schema, admin_url, folder, table, "status")
        for folder, table in _migration_folders(schema)
    ]
    return "".join(parts)


def function_files(folder: Path) -> list[Path]:
    """The files of a schema's stored functions, the internal ones among them, by name."""
    return sorted((folder / "functions").rglob("*.sql"), key=lambda path: path.name)


def _migration_folders(schema: Schema) -> list[tuple[Path, str]]:
    return [
        (CHASSIS / "migrations", f"{schema.name}.chassis_migrations"),
        (schema.folder / "migrations", f"{schema.name}.schema_migrations"),
    ]


def _versions(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.sql"))


async def _create_roles(connection: "asyncpg.Connection[asyncpg.Record]", schema: Schema) -> None:
    for role, attributes in (
        (schema.owner, "nologin noinherit"),
        (schema.system, "nologin noinherit"),
        (schema.login, "login noinherit nosuperuser nobypassrls"),
    ):
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
            await connection.execute(f"create role {role} {attributes}")
    await connection.execute(f"grant {schema.owner}, {schema.system} to current_user")
    await connection.execute(
        f"create schema if not exists {schema.name} authorization {schema.owner}"
    )
    await connection.execute(f"grant usage, create on schema {schema.name} to {schema.system}")


async def _create_extensions(
    connection: "asyncpg.Connection[asyncpg.Record]", schema: Schema
) -> None:
    """What the schema's tables need of the server; its owner may not make it."""
    path = schema.folder / "extensions.sql"
    if path.exists():
        await connection.execute(path.read_text())


async def _apply_files(connection: "asyncpg.Connection[asyncpg.Record]", schema: Schema) -> None:
    # Bodies may name functions of files that come later.
    await connection.execute("set local check_function_bodies = off")
    await connection.execute(f"set local search_path = {schema.name}, pg_temp")
    for folder in (CHASSIS, schema.folder):
        for path in function_files(folder):
            text = path.read_text()
            role = schema.system if text.startswith(RUNS_AS_SYSTEM) else schema.owner
            await connection.execute(f"set local role {role}")
            await connection.execute(text)
    for name in ("policies.sql", "grants.sql"):
        for folder in (CHASSIS, schema.folder):
            if (folder / name).exists():
                await connection.execute("reset role")
                await connection.execute((folder / name).read_text())


async def _drop_functions(connection: "asyncpg.Connection[asyncpg.Record]", schema: Schema) -> None:
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
    query |= {"role": schema.owner, "search_path": schema.name}
    encoded = urlencode(query, quote_via=quote)
    return urlunsplit(("postgres", parts.netloc, parts.path, encoded, ""))
