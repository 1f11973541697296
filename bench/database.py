"""A durable PostgreSQL of the run's own, with every service's schema."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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


class NotDurableError(Exception):
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
        schema = Schema(name=service)
        await up(schema, self.url)
        password = secrets.token_hex(16)
        admin = await asyncpg.connect(self.url)
        try:
            await admin.execute(f"alter role {schema.login} password '{password}'")
        finally:
            await admin.close()
        url = self.server.url_for(user=schema.login, password=password, database=DATABASE)
        return await self._stack.enter_async_context(pooled(service, _config(url, connections)))


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
        run.tell("PostgreSQL is starting")
        server = await stack.enter_async_context(
            EmbeddedPostgres(run.folder / name, settings=SETTINGS)
        )
        admin = await asyncpg.connect(server.url)
        try:
            await require_durable(admin)
            await admin.execute(f"create database {DATABASE}")
        finally:
            await admin.close()
        yield ServiceDatabases(server, stack)


async def require_durable(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Raises NotDurableError unless a commit is on the disk when it is acknowledged."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        value = await admin.fetchval(f"show {setting}")
        if value != "on":
            raise NotDurableError(f"{setting} is {value}")
