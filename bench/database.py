"""A durable PostgreSQL of the run's own, with every service's schema."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from bench.run import Run
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.stack import POSTGRES_SETTINGS
from services.chassis.config import ServiceConfig
from services.chassis.database import Database, pooled
from services.chassis.migrate import Schema, up

DATABASE: Final = "bench"
# As `make run` starts it, plus the counting of statements.
SETTINGS: Final = {
    **POSTGRES_SETTINGS,
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "top",
}


class ServerNotDurableError(Exception):
    """The server acknowledges what it could lose: figures of it would be worth nothing."""


class ServiceDatabases:
    """Opens the database as the login role of a service, as the service itself does."""

    def __init__(self, server: EmbeddedPostgres, stack: AsyncExitStack) -> None:
        self.server = server
        self._stack = stack

    @property
    def url(self) -> str:
        """The database, as superuser."""
        return self.server.url_for(database=DATABASE)

    async def open(self, service: str, *, connections: int) -> Database:
        """The service's database, migrated, on so many connections."""
        url = await self.login_url(service)
        return await self._stack.enter_async_context(pool(service, url, connections=connections))

    async def login_url(self, service: str) -> str:
        """The database, migrated, as the service's login role."""
        schema = Schema(name=service)
        await up(schema, self.url)
        password = secrets.token_hex(16)
        admin = await asyncpg.connect(self.url)
        try:
            await admin.execute(f"alter role {schema.login} password '{password}'")
        finally:
            await admin.close()
        return self.server.url_for(user=schema.login, password=password, database=DATABASE)


def pool(service: str, url: str, *, connections: int) -> AbstractAsyncContextManager[Database]:
    """The service's database on so many connections, which end with the block."""
    return pooled(service, _config(url, connections))


def _config(url: str, connections: int) -> ServiceConfig:
    nothing = Path("nowhere")
    return ServiceConfig(
        database_url=url,
        database_connections_max=connections,
        database_statement_timeout_seconds=60,
        listen="",
        jwks_file=nothing,
        token_file=nothing,
        sealing_keys_file=nothing,
    )


@asynccontextmanager
async def databases(run: Run, name: str) -> AsyncIterator[ServiceDatabases]:
    """The started server in a folder of that name; ended afterwards."""
    async with AsyncExitStack() as stack:
        run.report_progress("PostgreSQL is starting")
        server = await stack.enter_async_context(
            EmbeddedPostgres(run.folder / name, settings=SETTINGS)
        )
        admin = await asyncpg.connect(server.url)
        try:
            await require_durable(admin)
            await make_log_files(admin)
            await admin.execute(f"create database {DATABASE}")
        finally:
            await admin.close()
        yield ServiceDatabases(server, stack)


async def require_durable(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raises ServerNotDurableError unless a commit is on the disk when it is acknowledged."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        value = await admin.fetchval(f"show {setting}")
        if value != "on":
            raise ServerNotDurableError(f"{setting} is {value}")


async def make_log_files(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leaves as many files of the write-ahead log as a server has that has run for a while.

    It writes into old ones after a checkpoint. A new server makes each file, and all commits wait
    for it: some 15 ms every 16 MB.
    """
    for _ in range(_LOG_FILES):
        await admin.execute("select pg_logical_emit_message(true, 'bench', '')")
        await admin.execute("select pg_switch_wal()")
    await admin.execute("checkpoint")


async def deadlocks(admin: "asyncpg.Connection[asyncpg.Record]") -> int:
    """How many there ever were, those included that the caller repeated without a word.

    A session reports with a delay: only one that has ended, or is asked to, has reported all.
    """
    for _ in range(_LOOKS_MAX):
        if not await admin.fetchval(_OTHERS):
            break
        await asyncio.sleep(0.05)
    else:
        raise TimeoutError("a session of the bench does not end")
    await admin.execute("select pg_stat_force_next_flush()")
    await admin.execute("select pg_stat_clear_snapshot()")
    count: int = await admin.fetchval(
        "select deadlocks from pg_stat_database where datname = current_database()"
    )
    return count


# A gigabyte, which is min_wal_size: what a checkpoint keeps.
_LOG_FILES: Final = 64
_LOOKS_MAX: Final = 600
_OTHERS: Final = """
select count(*) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
"""
