"""Calling stored functions: refusals, outages, cancellation, time limits, durability."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services.chassis.config import ServiceConfig
from services.chassis.database import (
    OTHER_RELEASE_SECONDS_MAX,
    Database,
    NotDurableError,
    is_of_other_release,
    is_outage,
    pooled,
    translated,
)
from services.chassis.errors import DomainError, reason_of_number
from tests.conftest import config_for, with_login
from tests.rpc.chassis.recording import recording
from tests.schema.ingest.builders import Admin
from waybill.errors.v1.error_reason_pb2 import ErrorReason


async def install(admin: Admin, body: str, arguments: str = "", returns: str = "int") -> None:
    """A function of our own in ingest's schema: `probe`."""
    await admin.execute(
        f"create or replace function ingest.probe({arguments}) returns {returns}"
        f" language plpgsql as $$ begin {body} end; $$;"
        f" grant execute on function ingest.probe to waybill_ingest"
    )


def numbers() -> list[int]:
    return [number for number in ErrorReason.values() if number]


@pytest.mark.parametrize("number", numbers(), ids=reason_of_number)
async def test_every_reason_reaches_the_caller_with_text_and_metadata(
    ingest_db: Database, number: int
) -> None:
    with pytest.raises(DomainError) as caught:
        await ingest_db.rows(
            "refuse",
            p_reason_number=number,
            p_message="Say why.",
            p_metadata={"lead_id": "7", "count": 3},
        )
    assert caught.value.reason == reason_of_number(number)
    assert caught.value.message == "Say why."
    assert caught.value.metadata == {"lead_id": "7", "count": "3"}


async def test_a_reason_that_there_is_not_is_a_bug(ingest_db: Database) -> None:
    with pytest.raises(ValueError, match="999"):
        await ingest_db.rows("refuse", p_reason_number=999, p_message="x")


def failure(sqlstate: str) -> asyncpg.PostgresError:
    made = asyncpg.PostgresError.new({"C": sqlstate, "M": "text of the row"})
    assert isinstance(made, asyncpg.PostgresError)
    return made


@pytest.mark.parametrize(
    "sqlstate",
    ["08006", "08003", "57014", "57P01", "57P02", "57P03", "40001", "40P01", "53300", "53100",
     "55P03", "25006"],
)  # fmt: skip
def test_what_a_repeat_may_cure_is_an_outage(sqlstate: str) -> None:
    error = failure(sqlstate)
    assert is_outage(error)
    refusal = translated(error)
    assert isinstance(refusal, DomainError)
    assert (refusal.reason, refusal.retry_after_seconds) == ("UNAVAILABLE", 1)
    assert "text of the row" not in str(refusal)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        OSError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 11"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_be_reached_is_an_outage(error: Exception) -> None:
    assert is_outage(error)
    refusal = translated(error)
    assert isinstance(refusal, DomainError)
    assert is_outage(refusal)


async def test_a_full_disk_is_told_as_such_in_answer_log_and_health(
    admin: Admin, ingest_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await install(admin, "raise exception 'could not extend file' using errcode = '53100';")
    assert await ingest_db.reachable()
    with recording() as said:
        with pytest.raises(DomainError) as caught:
            await ingest_db.rows("probe")
        assert is_outage(caught.value)
        assert caught.value.message == "The database's disk is full. Try again once it has room."
        (line,) = said.lines
        assert line["event"] == "the database's disk is full"
        assert (line["function"], line["sqlstate"]) == ("probe", "53100")
        assert line["trace_id"]
    assert not await ingest_db.reachable()
    # Nothing has met it for a while.
    monkeypatch.setattr("services.chassis.database._DISK_FULL_SECONDS", 0)
    assert await ingest_db.reachable()


@pytest.mark.parametrize("sqlstate", ["23505", "23514", "42501", "42883", "22P02", "XX000"])
def test_anything_else_rises_as_it_is(sqlstate: str) -> None:
    error = failure(sqlstate)
    assert not is_outage(error)
    assert translated(error) is error


CACHED_PLAN = "cached plan must not change result type"


@pytest.mark.parametrize(
    ("sqlstate", "message", "expected"),
    [
        *[(each, "x", True) for each in ("42703", "42883", "42P01", "42704", "42804", "26000")],
        ("0A000", CACHED_PLAN, True),
        ("0A000", "another feature", False),
        ("42501", "x", False),
        ("23505", "x", False),
    ],
)
def test_another_releases_schema_is_known(sqlstate: str, message: str, expected: bool) -> None:
    error = asyncpg.PostgresError.new({"C": sqlstate, "M": message})
    assert is_of_other_release(error) is expected


async def test_another_releases_schema_is_an_outage_for_a_bounded_time(
    ingest_db: Database, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    now = [0.0]
    database = Database(ingest_db._pool, "ingest", clock=lambda: now[0])
    away = "alter function ingest.verify_books() rename to away"
    back = "alter function ingest.away() rename to verify_books"
    await database.rows("verify_books")
    await admin.execute(away)
    for now[0] in (0.0, OTHER_RELEASE_SECONDS_MAX):
        with pytest.raises(DomainError, match="being upgraded") as caught:
            await database.rows("verify_books")
        assert is_outage(caught.value)
    now[0] += 1
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await database.rows("verify_books")
    await admin.execute(back)
    await database.rows("verify_books")
    await admin.execute(away)
    with pytest.raises(DomainError, match="being upgraded"):
        await database.rows("verify_books")


async def test_a_statement_that_the_server_forgot_is_prepared_again(
    ingest_db: Database,
) -> None:
    expected = await ingest_db.rows("verify_books")
    async with ingest_db._pool.acquire() as connection:
        await connection.execute("deallocate all")
    assert await ingest_db.rows("verify_books") == expected


def test_a_refusal_is_no_outage() -> None:
    assert not is_outage(DomainError("LEAD_NOT_FOUND", "x"))
    assert not is_outage(ValueError())


async def test_text_that_no_column_can_hold_is_the_callers_mistake(
    ingest_db: Database, admin: Admin
) -> None:
    await install(admin, "return length(p_text);", "p_text text")
    with pytest.raises(DomainError) as caught:
        await ingest_db.value("probe", p_text="a\0b")
    assert caught.value.reason == "INVALID_REQUEST"


async def test_json_goes_in_and_comes_out_as_objects(ingest_db: Database, admin: Admin) -> None:
    await install(admin, "return p_value;", "p_value jsonb", returns="jsonb")
    values: list[Any] = [{"a": [1, None, "ä"]}, [], "text", 7, {"b": "\u2028"}]
    for value in values:
        assert await ingest_db.value("probe", p_value=value) == value
    assert await ingest_db.value("probe", p_value=None) is None


async def test_no_rows_are_no_value(ingest_db: Database) -> None:
    assert await ingest_db.row("find_app", p_external_app_id="none") is None
    assert await ingest_db.value("find_app", p_external_app_id="none") is None


async def one_connection(database_url: str, **more: Any) -> ServiceConfig:
    config = config_for(with_login(database_url, "waybill_ingest"))
    return config.model_copy(update={"database_connections_max": 1, **more})


async def test_a_cancelled_call_leaves_the_pool_usable(database_url: str, admin: Admin) -> None:
    await install(admin, "perform pg_advisory_xact_lock(7); return 1;")
    async with pooled("ingest", await one_connection(database_url)) as database:
        for _ in range(3):
            async with admin.transaction():
                await admin.execute("select pg_advisory_xact_lock(7)")
                call = asyncio.create_task(database.value("probe"))
                while not await admin.fetchval("select count(*) from pg_locks where not granted"):
                    continue
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            # The one connection there is serves the next call.
            assert await database.value("probe") == 1


async def test_a_cancelled_call_ends_in_the_database_too(database_url: str, admin: Admin) -> None:
    await install(admin, "perform pg_advisory_xact_lock(7); return 1;")
    config = await one_connection(database_url)
    async with pooled("ingest", config) as database, admin.transaction():
        await admin.execute("select pg_advisory_xact_lock(7)")
        call = asyncio.create_task(database.value("probe"))
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):
            continue
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(10):
            while await admin.fetchval("select count(*) from pg_locks where not granted"):
                continue


async def test_a_call_that_takes_too_long_is_ended_and_the_next_one_runs(
    database_url: str, admin: Admin
) -> None:
    await install(admin, "perform pg_sleep(p_seconds); return 1;", "p_seconds float8")
    config = await one_connection(database_url, database_statement_timeout_seconds=0.2)
    async with pooled("ingest", config) as database:
        with pytest.raises(DomainError) as caught:
            await database.value("probe", p_seconds=30.0)
        assert caught.value.reason == "UNAVAILABLE"
        assert await database.value("probe", p_seconds=0.0) == 1


async def is_served(database: Database) -> bool:
    """Whether a call is answered; fails where it is refused for anything but an outage."""
    try:
        await database.rows("list_app_secrets")
    except DomainError as error:
        if not is_outage(error):
            raise
        return False
    return True


async def test_connections_that_the_server_ends_are_outages_and_nothing_else(
    ingest_db: Database, admin: Admin
) -> None:
    """asyncpg may answer a call on such a connection with an error about itself."""
    for _ in range(40):
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'waybill_ingest'"
        )
        async with asyncio.timeout(10):
            while not await is_served(ingest_db):
                continue


async def test_a_call_that_loses_a_deadlock_is_run_again(ingest_db: Database, admin: Admin) -> None:
    await admin.execute("create table ingest.probes (n int primary key, seen int default 0)")
    await admin.execute("insert into ingest.probes values (1), (2)")
    await admin.execute("grant all on ingest.probes to waybill_ingest")
    await install(
        admin,
        "update ingest.probes set seen = seen + 1 where n = p_first;"
        " perform pg_advisory_xact_lock_shared(p_first);"
        " perform pg_sleep(0.05);"
        " update ingest.probes set seen = seen + 1 where n = p_second; return 1;",
        "p_first int, p_second int",
    )
    calls = [ingest_db.value("probe", p_first=first, p_second=3 - first) for first in (1, 2)]
    assert await asyncio.gather(*calls) == [1, 1]
    assert await admin.fetchval("select sum(seen) from ingest.probes") == 4


async def test_a_server_that_is_not_durable_is_refused(database_url: str, admin: Admin) -> None:
    await admin.execute("alter role waybill_ingest set synchronous_commit = off")
    try:
        with pytest.raises(NotDurableError, match="synchronous_commit is off"):
            async with pooled("ingest", await one_connection(database_url)):
                pass
    finally:
        await admin.execute("alter role waybill_ingest reset synchronous_commit")


async def test_no_session_state_outlives_a_call(database_url: str) -> None:
    async with pooled("ingest", await one_connection(database_url)) as database:
        org = "00000000-0000-0000-0000-00000000000a"
        await database.rows("set_tenant", p_org_ids=[org], p_workspace_id=org)
        left = await database._pool.fetchval("select current_setting('app.org_ids', true)")
        assert left == ""
