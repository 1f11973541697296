"""The database as the services see it: stored functions of one schema, called by name.

A function refuses with SQLSTATE `WBnnn`, where nnn is the reason's number in `error_reason.proto`,
the message is for people and the detail a JSON object of metadata, of which `retry_after_seconds`
becomes RetryInfo. What cannot be reached or was interrupted becomes UNAVAILABLE; anything else
rises as it is.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final

import asyncpg
import msgspec

from services.chassis.config import ServiceConfig
from services.chassis.errors import DomainError, reason_of_number, unavailable
from services.chassis.known_violations import refuse_known
from services.chassis.telemetry import log, span

_ACQUIRE_TIMEOUT_SECONDS: Final = 5.0
_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_PROBE_SECONDS_MAX: Final = 2.0
_DOMAIN_CLASS: Final = "WB"
_RACES_MAX: Final = 3
# What of a refusal's metadata becomes RetryInfo.
_RETRY_AFTER: Final = "retry_after_seconds"
# Connection faults, shutdowns, and what a repeat cures: deadlock, serialization, cancel, locks.
_INTERRUPTED_CLASSES: Final = ("08", "57", "40", "53", "55")
# Of the class 25 this one: a server that takes no writes, as a standby does during a failover.
_READ_ONLY: Final = "25006"
# What a call meets while `migrate up` runs under it: a column, a function, a table or a type that
# the other release has not or no longer, and a result of another shape.
_OTHER_RELEASE: Final = ("42703", "42883", "42P01", "42704", "42804")
# A prepared statement that the server no longer knows, or that has another result now.
_STALE_STATEMENT: Final = "26000"
_UNSUPPORTED: Final = "0A000"
_CACHED_PLAN: Final = "cached plan must not change result type"
OTHER_RELEASE_SECONDS_MAX: Final = 300.0
"""How long a function may fail as if another release's schema stood there: an upgrade's length."""
# PostgreSQL found no room on its disk. Reads go on, so a probe cannot see it: for so long after a
# call that met it the service says that it is not serving.
_DISK_FULL: Final = "53100"
_DISK_FULL_SECONDS: Final = 5.0
# Text with a NUL character, which no column can hold.
_UNSTORABLE: Final = ("22021", "22P05")
# asyncpg's own confusion when a server ends a connection in mid-use is an InternalClientError.
_UNREACHABLE: Final = (
    asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError,
)  # fmt: skip
# An argument of every function that writes for a caller.
_WRITES: Final = "p_traceparent"
_JSONB_VERSION: Final = b"\x01"
_FAILURES: Final = (asyncpg.PostgresError, *_UNREACHABLE)

SETTINGS: Final = {
    "jit": "off",
    # Our functions look rows up by key. The default is a spinning disk's, with which a table of an
    # org's ten thousand rows is read through for each.
    "random_page_cost": "1.1",
    # An array's length makes a plan of its own look cheaper for each call than it is: planning was
    # most of a single completion. A function that needs one says so itself.
    "plan_cache_mode": "force_generic_plan",
}
"""How the planner is set on every connection."""

Record = Mapping[str, Any]


class Database:
    """Calls functions of one schema on a pool; one call is one round trip and one transaction."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        schema: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self.schema = schema
        self._clock = clock
        # Since when each function fails as if another release's schema stood there.
        self._other_release_since: dict[str, float] = {}
        self._disk_full_at: float | None = None

    async def rows(self, function: str, **arguments: Any) -> list[Record]:
        """What a set-returning function returns.

        Raises INVALID_REQUEST for a request that is refused anyway, where the function writes.
        """
        if _WRITES in arguments:
            refuse_known()
        sql = _call_sql(self.schema, function, tuple(arguments))
        with span(f"{self.schema}.{function}"):
            try:
                async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS) as connection:
                    rows = list(await _fetch(connection, sql, arguments))
            except _FAILURES as error:
                if self._is_upgrading(function, error):
                    raise unavailable("The database is being upgraded. Try again.") from error
                self._note_full_disk(error, function)
                raise translated(error) from error
        self._other_release_since.pop(function, None)
        return rows

    def _is_upgrading(self, function: str, error: BaseException) -> bool:
        """Whether another release's schema explains the failure, and has not for too long."""
        if not is_of_other_release(error):
            return False
        now = self._clock()
        seconds = now - self._other_release_since.setdefault(function, now)
        log.warning(
            "the schema is another release's",
            function=function,
            sqlstate=getattr(error, "sqlstate", None),
            seconds=round(seconds, 1),
        )
        return seconds <= OTHER_RELEASE_SECONDS_MAX

    async def row(self, function: str, **arguments: Any) -> Record | None:
        """The first row, or None."""
        rows = await self.rows(function, **arguments)
        return rows[0] if rows else None

    async def value(self, function: str, **arguments: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.row(function, **arguments)
        return None if row is None else next(iter(row.values()))

    async def reachable(self) -> bool:
        """Whether the database answers now and has room on its disk.

        A pool whose connections are all at work counts too.
        """
        try:
            async with asyncio.timeout(_PROBE_SECONDS_MAX):
                async with self._pool.acquire() as connection:
                    await connection.fetchval("select 1")
        except _FAILURES as error:
            if isinstance(error, TimeoutError) and self._is_busy():
                return True
            log.warning("the database does not answer", error=type(error).__name__)
            return False
        return not self._is_full(self._clock())

    def _note_full_disk(self, error: BaseException, function: str) -> None:
        if getattr(error, "sqlstate", None) == _DISK_FULL:
            self._disk_full_at = self._clock()
            log.error("the database's disk is full", function=function, sqlstate=_DISK_FULL)

    def _is_full(self, now: float) -> bool:
        """Whether a call has met a full disk a short while ago."""
        met = self._disk_full_at
        return met is not None and now - met < _DISK_FULL_SECONDS

    def _is_busy(self) -> bool:
        pool = self._pool
        return pool.get_idle_size() == 0 and pool.get_size() == pool.get_max_size()


async def _fetch(connection: Any, sql: str, arguments: Mapping[str, Any]) -> list[Record]:
    """Runs the call; again where it lost a race that a repeat cures, as it was rolled back."""
    for _ in range(_RACES_MAX):
        try:
            return await connection.fetch(sql, *arguments.values())  # type: ignore[no-any-return]
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            log.warning("lost a race in the database", sql=sql)
        except asyncpg.InvalidSQLStatementNameError as error:
            log.warning("prepares the call again", sql=sql, sqlstate=error.sqlstate)
            await connection.reload_schema_state()
    return await connection.fetch(sql, *arguments.values())  # type: ignore[no-any-return]


@cache
def _call_sql(schema: str, function: str, names: tuple[str, ...]) -> str:
    arguments = ", ".join(f"{name} => ${position}" for position, name in enumerate(names, 1))
    # Names are identifiers of our own code, never input.
    return f"select * from {schema}.{function}({arguments})"


def translated(error: BaseException) -> BaseException:
    """The failure as callers should see it; the failure itself where it is a bug."""
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) and sqlstate.startswith(_DOMAIN_CLASS):
        return _refusal(sqlstate, error)
    if sqlstate == _DISK_FULL:
        return unavailable("The database's disk is full. Try again once it has room.")
    if is_outage(error):
        return unavailable("The database cannot be reached or was interrupted. Try again.")
    if sqlstate in _UNSTORABLE:
        return DomainError("INVALID_REQUEST", "A text has a character that cannot be stored (NUL).")
    return error


def is_outage(error: BaseException) -> bool:
    """Whether the failure is about reaching the database and not about what was asked of it."""
    if isinstance(error, DomainError):
        return error.reason == "UNAVAILABLE"
    if isinstance(error, asyncpg.PostgresError):
        sqlstate = str(error.sqlstate)
        return sqlstate[:2] in _INTERRUPTED_CLASSES or sqlstate == _READ_ONLY
    return isinstance(error, _UNREACHABLE)


def is_of_other_release(error: BaseException) -> bool:
    """Whether the schema may be another release's: an outage for the length of an upgrade."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate == _UNSUPPORTED:
        return _CACHED_PLAN in str(error)
    return sqlstate in (*_OTHER_RELEASE, _STALE_STATEMENT)


def _refusal(sqlstate: str, error: BaseException) -> DomainError:
    metadata = json.loads(getattr(error, "detail", None) or "{}")
    retry_after_seconds = metadata.pop(_RETRY_AFTER, None)
    return DomainError(
        reason_of_number(int(sqlstate[2:])),
        getattr(error, "message", None) or str(error),
        metadata={key: str(value) for key, value in metadata.items()},
        retry_after_seconds=retry_after_seconds,
    )


@asynccontextmanager
async def pooled(schema: str, config: ServiceConfig) -> AsyncIterator[Database]:
    """A database on a pool of connections that keep no session state between calls.

    Refuses to start on a server that acknowledges commits before they are durable.
    """
    timeout_seconds = config.database_statement_timeout_seconds
    milliseconds = str(int(timeout_seconds * 1000))
    pool = await asyncpg.create_pool(
        config.database_url,
        min_size=1,
        max_size=config.database_connections_max,
        init=_prepare_connection,
        # Our functions leave no session state, so the reset's round trip buys nothing.
        reset=_keep_as_is,
        timeout=_CONNECT_TIMEOUT_SECONDS,
        command_timeout=timeout_seconds + 5,
        server_settings={
            "application_name": f"waybill-{schema}",
            "statement_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            **SETTINGS,
        },
    )
    try:
        await _assert_durable(pool)
        yield Database(pool, schema)
    finally:
        await pool.close()


async def _prepare_connection(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    # The binary form (a version before the text) is the one that composite types can hold.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: _JSONB_VERSION + msgspec.json.encode(value),
        decoder=lambda sent: msgspec.json.decode(sent[len(_JSONB_VERSION) :]),
    )


async def _keep_as_is(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    return None


async def _assert_durable(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    setting = await pool.fetchval("show synchronous_commit")
    if setting not in ("on", "remote_apply"):
        raise NotDurableError(f"synchronous_commit is {setting}; set it to on")


class NotDurableError(Exception):
    """The server would lose what it has acknowledged."""
