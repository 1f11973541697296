"""Waiting for real processes to have done something."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from deploy.local.sample_customer import RefusedError

Found = TypeVar("Found")
_POLL_SECONDS = 0.1
# What a caller sees while the database or a service is on its way back.
_AWAY = (RefusedError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def until(
    holds: Callable[[], Awaitable[Found | None]],
    *,
    seconds_max: float = 60,
    poll_seconds: float = _POLL_SECONDS,
) -> Found:
    """What `holds` answers once it is true; AssertionError when it is not in time."""
    patience = time.monotonic() + seconds_max
    last: BaseException | None = None
    while time.monotonic() < patience:
        try:
            if found := await holds():
                return found
        except _AWAY as error:
            last = error
        await asyncio.sleep(poll_seconds)
    raise AssertionError(f"{holds.__name__} did not come true in {seconds_max:g} s ({last!r})")
