"""Schemas come up, come up again unchanged, go down without a trace, and come up again."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local.ports import free_port
from services.chassis.migrate import (
    MigrationFailedError,
    Schema,
    dbmate_url,
    down,
    schemas,
    status,
    up,
)
from tests.conftest import with_database
from tests.tools_of_apt import skip_without

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
# Everything that makes up a schema, as text that two states can be compared by.
SNAPSHOT = """
  select 'table ' || c.relname || ' ' || r.rolname || ' ' || c.relrowsecurity || ' '
    || coalesce(c.relacl::text, '') from pg_class c join pg_roles r on r.oid = c.relowner
    where c.relnamespace = to_regnamespace($1) and c.relkind = 'r'
  union all
  select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = to_regnamespace($1) and c.relkind = 'r' and a.attnum > 0
  union all
  select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where connamespace = to_regnamespace($1)
  union all
  select 'function ' || p.proname || ' ' || r.rolname || ' ' || md5(pg_get_functiondef(p.oid))
    || coalesce(p.proacl::text, '') from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.pronamespace = to_regnamespace($1)
  union all
  select 'policy ' || polname || ' ' || polrelid::regclass || pg_get_expr(polqual, polrelid)
    from pg_policy p join pg_class c on c.oid = p.polrelid
    where c.relnamespace = to_regnamespace($1)
  union all
  select 'migration ' || version from {schema}.schema_migrations
  order by 1
"""


async def fetch(url: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


async def snapshot(url: str, schema: Schema) -> list[str]:
    rows = await fetch(url, SNAPSHOT.format(schema=schema.name), schema.name)
    return [row[0] for row in rows]


@asynccontextmanager
async def empty_database(server_url: str) -> AsyncIterator[str]:
    """The URL of a database with nothing in it."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(with_database(server_url, "postgres"))
    await admin.execute(f"create database {name}")
    try:
        yield with_database(server_url, name)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def goes_up_and_down(url: str, schema: Schema) -> None:
    """The whole way of one schema."""
    await up(schema, url)
    first = await snapshot(url, schema)
    assert first
    await up(schema, url)
    assert await snapshot(url, schema) == first, "applying everything twice changes nothing"
    await down(schema, url)
    left = await fetch(url, "select nspname from pg_namespace where nspname = $1", schema.name)
    assert left == [], "down leaves nothing"
    await up(schema, url)
    assert await snapshot(url, schema) == first, "up again is as before"


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
async def test_a_schema_goes_up_down_and_up_again(template_url: str, schema: Schema) -> None:
    async with empty_database(template_url) as url:
        await goes_up_and_down(url, schema)


async def test_schemas_come_up_side_by_side_and_twice_at_once(template_url: str) -> None:
    async with empty_database(template_url) as url:
        await asyncio.gather(*[up(schema, url) for schema in schemas() * 2])
        for schema in schemas():
            assert "pending" not in (await status(schema, url)).lower().replace("pending: 0", "")


async def test_one_schema_goes_down_and_leaves_the_others(template_url: str) -> None:
    first, second = schemas()[:2]
    async with empty_database(template_url) as url:
        for schema in (first, second):
            await up(schema, url)
        before = await snapshot(url, second)
        await down(first, url)
        assert await snapshot(url, second) == before


async def test_status_says_what_is_applied_and_what_is_pending(template_url: str) -> None:
    schema = schemas()[0]
    async with empty_database(template_url) as url:
        await up(schema, url)
        text = await status(schema, url)
        assert f"0001_{schema.name}.sql" in text
        assert "0001_chassis.sql" in text


async def test_a_server_that_is_not_there_is_said_by_the_driver() -> None:
    url = f"postgres://postgres@127.0.0.1:{free_port()}/x"
    with pytest.raises(OSError, match=r"\d"):
        await up(schemas()[0], url)


async def test_a_migration_that_fails_is_told_in_its_own_words(template_url: str) -> None:
    schema = schemas()[0]
    async with empty_database(template_url) as url:
        await up(schema, url)
        await fetch(url, f"drop table {schema.name}.schema_migrations")
        with pytest.raises(MigrationFailedError, match="already exists"):
            await up(schema, url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://postgres@127.0.0.1:5432/db",
            "postgres://postgres@127.0.0.1:5432/db"
            "?sslmode=disable&role=waybill_ingest_owner&search_path=ingest&lock_timeout=2000",
        ),
        (
            "postgresql://u:p%40@db.example.com/db?sslmode=require",
            "postgres://u:p%40@db.example.com/db"
            "?sslmode=require&role=waybill_ingest_owner&search_path=ingest&lock_timeout=2000",
        ),
    ],
)
def test_dbmate_works_as_the_owner_in_the_schema(url: str, expected: str) -> None:
    assert dbmate_url(Schema(name="ingest"), url) == expected


def postgres_15() -> Path | None:
    """The folder with PostgreSQL 15's programs, where it is installed."""
    return DEBIAN_15 if (DEBIAN_15 / "initdb").exists() else None


@asynccontextmanager
async def server_15(binaries: Path, folder: Path) -> AsyncIterator[str]:
    """A PostgreSQL 15 of our own, as `nobody` where we are root, because it refuses to be root."""
    user = "nobody" if os.geteuid() == 0 else None
    data = Path("/tmp") / f"waybill-{secrets.token_hex(6)}"
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user)
    port = free_port()
    try:
        initdb = await asyncio.create_subprocess_exec(
            binaries / "initdb", "-D", data / "data", "-U", "postgres", "-A", "trust", "-N",
            "-E", "UTF8", "--locale", "C", user=user, cwd=data,
            stdout=asyncio.subprocess.DEVNULL, extra_groups=[] if user else None,
        )  # fmt: skip
        assert await initdb.wait() == 0
        log = (folder / "postgres.log").open("wb")
        server = await asyncio.create_subprocess_exec(
            binaries / "postgres", "-D", data / "data", "-p", str(port), "-k", "",
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", user=user, cwd=data,
            stdout=log, stderr=log, extra_groups=[] if user else None,
        )  # fmt: skip
        try:
            url = f"postgres://postgres@127.0.0.1:{port}/postgres"
            await answering(url)
            yield url
        finally:
            server.terminate()
            await server.wait()
            log.close()
    finally:
        shutil.rmtree(data)


async def answering(url: str) -> None:
    """Returns once the server answers; TimeoutError after 30 s."""
    async with asyncio.timeout(30):
        while True:
            try:
                connection = await asyncpg.connect(url)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
                continue
            await connection.close()
            return


async def test_every_schema_runs_on_postgresql_15_too(tmp_path: Path) -> None:
    binaries = postgres_15()
    if binaries is None:
        skip_without("postgresql-15")
    async with server_15(binaries, tmp_path) as url:
        for schema in schemas():
            await goes_up_and_down(url, schema)
            broken = await fetch(
                url, f"select equation from {schema.name}.verify_books() where violation_count > 0"
            )
            assert broken == []
