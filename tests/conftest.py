"""Fixtures of all tests: one real PostgreSQL a session, one fresh database a test."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from services.chassis.config import ServiceConfig
from services.chassis.database import Database, pooled
from services.chassis.migrate import Schema, schemas, up
from tests.durations import pytest_runtest_logreport, pytest_terminal_summary
from tests.sampling import SEEDS
from tools.mutations.catalogue import MUTATIONS
from tools.mutations.mutation import apply

# Hooks of pytest, which finds them here.
__all__ = ["pytest_runtest_logreport", "pytest_terminal_summary"]

TEMPLATE = "waybill_template"
PASSWORD = secrets.token_hex(16)
_SHARED_MEMORY = Path("/dev/shm")
_MEMORY_BYTES_MIN = 4 * 1024**3


def pytest_report_header() -> str:
    """What repeats a run in which chance decides when processes die."""
    return f"WAYBILL_CHAOS_SEED={','.join(map(str, SEEDS))}"


def with_database(url: str, database: str) -> str:
    """The same server's URL for another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def with_login(url: str, role: str) -> str:
    """The same database's URL as a service's login role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{parts.hostname}:{parts.port}"))


@pytest.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """A server of our own, as superuser; not durable, because no test here kills it."""
    settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}
    with tempfile.TemporaryDirectory(prefix="waybill-", dir=_memory()) as folder:
        async with EmbeddedPostgres(Path(folder), settings=settings) as postgres:
            yield postgres.url


def _memory() -> Path | None:
    """A folder in memory, where there is room: a copy of a database is a thousand small files."""
    usable = os.access(_SHARED_MEMORY, os.W_OK)
    if usable and shutil.disk_usage(_SHARED_MEMORY).free >= _MEMORY_BYTES_MIN:
        return _SHARED_MEMORY
    return None


@pytest.fixture(scope="session")
async def template_url(postgres_url: str) -> str:
    """A database with every service's schema, which each test copies."""
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"create database {TEMPLATE}")
    url = with_database(postgres_url, TEMPLATE)
    for schema in schemas():
        await up(schema, url)
        await admin.execute(f"alter role {schema.login} password '{PASSWORD}'")
    await admin.close()
    # `make mutate` runs tests without one guard: tools/mutations/.
    if taken_away := os.environ.get("WAYBILL_TEST_MUTATION"):
        mutated = await asyncpg.connect(url)
        await apply(next(each for each in MUTATIONS if each.name == taken_away), mutated)
        await mutated.close()
    return url


@asynccontextmanager
async def copy_of(template_url: str, template: str = TEMPLATE) -> AsyncIterator[str]:
    """The URL of a fresh copy of the template, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(with_database(template_url, "postgres"))
    await admin.execute(f"create database {name} template {template}")
    try:
        yield with_database(template_url, name)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


@pytest.fixture
async def database_url(template_url: str) -> AsyncIterator[str]:
    """A fresh database with every service's schema, as superuser."""
    async with copy_of(template_url) as url:
        yield url


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A superuser's connection to the test's database, for looking at rows."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


def config_for(database_url: str) -> ServiceConfig:
    """Settings enough to open a database; the rest names nothing."""
    nothing = Path("nowhere")
    return ServiceConfig(
        database_url=database_url,
        database_connections_max=10,
        listen="",
        jwks_file=nothing,
        token_file=nothing,
        sealing_keys_file=nothing,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Opens the test's database as the login role of any service."""

    open: Callable[[str], Awaitable[Database]]


@pytest.fixture
async def databases(database_url: str) -> AsyncIterator[Databases]:
    """The test's database as services see it."""
    async with AsyncExitStack() as stack:

        async def open_as(service: str) -> Database:
            schema = Schema(name=service)
            url = with_login(database_url, schema.login)
            return await stack.enter_async_context(pooled(service, config_for(url)))

        yield Databases(open=open_as)


@pytest.fixture
async def ingest_db(databases: Databases) -> Database:
    """The test's database as ingest sees it."""
    return await databases.open("ingest")


@pytest.fixture
async def routing_db(databases: Databases) -> Database:
    """The test's database as routing sees it."""
    return await databases.open("routing")


@pytest.fixture
async def delivery_db(databases: Databases) -> Database:
    """The test's database as delivery sees it."""
    return await databases.open("delivery")


@pytest.fixture
async def scheduling_db(databases: Databases) -> Database:
    """The test's database as scheduling sees it."""
    return await databases.open("scheduling")


@pytest.fixture
async def sync_db(databases: Databases) -> Database:
    """The test's database as sync sees it."""
    return await databases.open("sync")
