"""How a migrator shares a database with a running system.

It waits for a lock only so long that calls behind it are not held up, then lets go and tries again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg

from services.chassis.loops import jittered

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_TRY_LOCK: Final = "select pg_try_advisory_lock(hashtextextended('waybill migrate', 0))"
_LOCK_POLL_SECONDS: Final = 0.2
LOCK_TIMEOUT_MILLISECONDS: Final = 2000
LOCK_BACKOFF_SECONDS: Final = 1.0
# With the waits two minutes and more: a backup of a small database has let go by then.
LOCK_ATTEMPTS_MAX: Final = 45
# Lock not available, deadlock, serialization: the step was undone and may be repeated.
_RACES: Final = ("55P03", "40P01", "40001")
_RACES_IN_WORDS: Final = ("lock timeout", "deadlock detected", *_RACES)
# What PostgreSQL says, as an internal error, where two change one row of its catalogue.
_CONCURRENT_UPDATE: Final = "tuple concurrently updated"


class MigrationFailedError(Exception):
    """A step failed; the text says which and why, in dbmate's words where it was dbmate's."""


@asynccontextmanager
async def connected(admin_url: str) -> AsyncIterator[Connection]:
    """A connection that waits at most two seconds for a lock."""
    connection = await asyncpg.connect(
        admin_url, server_settings={"lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS)}
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def migrating(admin_url: str) -> AsyncIterator[Connection]:
    """A connection that holds the migrators' lock of the database until the block ends."""
    async with connected(admin_url) as connection:
        # Asked again, not waited for: a statement that waits holds a snapshot.
        while not await connection.fetchval(_TRY_LOCK):  # noqa: ASYNC110
            await asyncio.sleep(jittered(_LOCK_POLL_SECONDS))
        yield connection


async def repeated(step: Callable[[], Awaitable[object]]) -> None:
    """Runs a step that is undone where it fails; again where it lost a race for a lock."""
    for attempt in range(1, LOCK_ATTEMPTS_MAX + 1):
        try:
            await step()
        except (asyncpg.PostgresError, MigrationFailedError) as error:
            if attempt == LOCK_ATTEMPTS_MAX or not lost_a_race(error):
                raise
        else:
            return
        await asyncio.sleep(jittered(LOCK_BACKOFF_SECONDS))


def lost_a_race(error: asyncpg.PostgresError | MigrationFailedError) -> bool:
    """Whether another transaction had what the step needed, so that a repeat may cure it."""
    text = str(error)
    if isinstance(error, MigrationFailedError):
        return any(each in text for each in _RACES_IN_WORDS)
    return error.sqlstate in _RACES or _CONCURRENT_UPDATE in text
