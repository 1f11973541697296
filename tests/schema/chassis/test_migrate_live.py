"""`migrate up` on a system that serves: only what differs is changed, and no call fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.migrate import (
    MigrationFailedError,
    Schema,
    locks,
    plan,
    status,
    step_back,
    up,
)
from services.chassis.migrate.locks import Connection, lost_a_race
from tests.conftest import Databases

INGEST = Schema(name="ingest")
RUNS = 10
TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"
FORGET = "delete from ingest.applied_files where name like $1"
# What `up` changed, by what the catalogue's rows were written by.
WRITTEN = """
  select 'function ' || oid::regprocedure || ' ' || xmin from pg_proc
    where pronamespace = 'ingest'::regnamespace
  union all
  select 'table ' || oid::regclass || ' ' || xmin from pg_class
    where relnamespace = 'ingest'::regnamespace
  union all
  select 'policy ' || oid || ' ' || xmin from pg_policy
  order by 1
"""


async def written(admin: Connection) -> list[str]:
    return [row[0] for row in await admin.fetch(WRITTEN)]


@asynccontextmanager
async def traffic(database: Database) -> AsyncIterator[list[int]]:
    """Calls that read and write, side by side, until the block ends; raises what one raises."""
    calls, ended = [0], asyncio.Event()

    async def caller() -> None:
        while not ended.is_set():
            await database.rows("verify_books")
            await database.value("sweep_ticks", p_traceparent=TRACEPARENT, p_every_seconds=3600.0)
            calls[0] += 1

    async with asyncio.TaskGroup() as callers:
        for _ in range(4):
            callers.create_task(caller())
        try:
            yield calls
        finally:
            ended.set()


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[None]:
    """Holds what a backup holds on every table: `access share`."""
    backup = await asyncpg.connect(url)
    try:
        async with backup.transaction():
            tables = await backup.fetch(
                "select oid::regclass::text as name from pg_class"
                " where relnamespace = 'ingest'::regnamespace and relkind in ('r', 'p')"
            )
            names = ", ".join(row["name"] for row in tables)
            await backup.execute(f"lock table {names} in access share mode")
            yield
    finally:
        await backup.close()


async def test_with_nothing_pending_nothing_is_changed_or_waited_for(
    database_url: str, admin: Connection
) -> None:
    before = await written(admin)
    assert await plan(INGEST, database_url) == []
    async with reading(database_url):
        await asyncio.wait_for(up(INGEST, database_url), 60)
    assert await written(admin) == before


async def test_ten_runs_that_replace_everything_fail_no_call(
    database_url: str, databases: Databases, admin: Connection
) -> None:
    database = await databases.open("ingest")
    async with traffic(database) as calls:
        for _ in range(RUNS):
            await admin.execute(FORGET, "%")
            await up(INGEST, database_url)
    assert calls[0] > 0
    assert await plan(INGEST, database_url) == []


async def test_a_table_that_a_backup_reads_is_tried_again_and_calls_go_on(
    database_url: str,
    databases: Databases,
    admin: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: asyncio.Queue[BaseException] = asyncio.Queue()

    def noted(error: asyncpg.PostgresError | MigrationFailedError) -> bool:
        lost.put_nowait(error)
        return lost_a_race(error)

    monkeypatch.setattr(locks, "lost_a_race", noted)
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_MILLISECONDS", 100)
    monkeypatch.setattr(locks, "LOCK_BACKOFF_SECONDS", 0.01)
    await admin.execute(FORGET, "policies%")
    async with traffic(await databases.open("ingest")) as calls:
        async with reading(database_url):
            migrating = asyncio.create_task(up(INGEST, database_url))
            for _ in range(3):
                error = await asyncio.wait_for(lost.get(), 60)
                assert isinstance(error, asyncpg.LockNotAvailableError)
        await asyncio.wait_for(migrating, 60)
    assert calls[0] > 0
    assert await plan(INGEST, database_url) == []


async def test_only_the_function_that_differs_is_replaced(
    database_url: str, admin: Connection
) -> None:
    before = await written(admin)
    await admin.execute(FORGET, "function sweep_ticks")
    assert await plan(INGEST, database_url) == ["function sweep_ticks"]
    await up(INGEST, database_url)
    changed = set(await written(admin)) - set(before)
    assert [each.split("(")[0] for each in changed if each.startswith("function")] == [
        "function ingest.sweep_ticks"
    ]


async def test_what_was_lost_from_the_database_is_applied_again(
    database_url: str, admin: Connection
) -> None:
    await admin.execute("drop function ingest.sweep_ticks; drop policy tenant on ingest.repeats")
    await admin.execute("alter table ingest.requests no force row level security")
    assert await plan(INGEST, database_url) == [
        "function sweep_ticks",
        "grants",
        "policies repeats",
        "policies requests",
    ]
    await up(INGEST, database_url)
    assert await plan(INGEST, database_url) == []


async def test_one_migrator_works_at_a_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    def noted(_: float) -> float:
        refused.set()
        return 0.01

    monkeypatch.setattr(locks, "jittered", noted)
    async with locks.migrating(database_url):
        waiting = asyncio.create_task(up(INGEST, database_url))
        await asyncio.wait_for(refused.wait(), 60)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 60)


@pytest.mark.parametrize(
    "definition",
    [
        "drop function ingest.sweep_ticks;"
        " create function ingest.sweep_ticks({arguments}) returns text"
        " language sql as $$select ''$$;"
        " alter function ingest.sweep_ticks({arguments}) owner to waybill_ingest_owner",
        "create function ingest.sweep_ticks(p_other jsonb) returns text"
        " language sql as $$select ''$$",
    ],
)
async def test_a_changed_signature_is_refused_with_the_convention(
    database_url: str, admin: Connection, definition: str
) -> None:
    arguments = await admin.fetchval(
        "select pg_get_function_identity_arguments(oid) from pg_proc"
        " where oid = 'ingest.sweep_ticks'::regproc"
    )
    await admin.execute(definition.format(arguments=arguments))
    await admin.execute(FORGET, "function sweep_ticks")
    with pytest.raises(MigrationFailedError, match=r"sweep_ticks_v2\.sql"):
        await up(INGEST, database_url)


async def test_a_function_whose_file_is_gone_stays_and_is_listed(
    database_url: str, admin: Connection
) -> None:
    await admin.execute(
        "create function ingest.of_old() returns integer language sql as 'select 1'"
    )
    await up(INGEST, database_url)
    assert await admin.fetchval("select ingest.of_old()") == 1
    assert "[-] function of_old\n" in await status(INGEST, database_url)


async def test_a_step_back_takes_one_migration_and_up_brings_it_again(
    database_url: str, admin: Connection
) -> None:
    versions = "select version from ingest.schema_migrations order by version"
    before = [row["version"] for row in await admin.fetch(versions)]
    with pytest.raises(MigrationFailedError, match=f"which is {before[-2]}"):
        await step_back(INGEST, database_url, before[-1])
    await step_back(INGEST, database_url, before[-2])
    assert [row["version"] for row in await admin.fetch(versions)] == before[:-1]
    assert any(f"/{before[-1]}_" in step for step in await plan(INGEST, database_url))
    await up(INGEST, database_url)
    assert [row["version"] for row in await admin.fetch(versions)] == before
    assert await plan(INGEST, database_url) == []


@pytest.mark.parametrize(
    ("sqlstate", "expected"), [("55P03", True), ("40P01", True), ("40001", True), ("42P01", False)]
)
def test_a_lost_race_is_repeated_and_nothing_else(sqlstate: str, expected: bool) -> None:
    error = asyncpg.PostgresError.new({"C": sqlstate, "M": "text"})
    assert lost_a_race(error) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pq: canceling statement due to lock timeout", True),
        ("pq: deadlock detected", True),
        ('pq: relation "leads" already exists', False),
    ],
)
def test_dbmates_lost_race_is_known_by_its_words(text: str, expected: bool) -> None:
    assert lost_a_race(MigrationFailedError(text)) is expected
