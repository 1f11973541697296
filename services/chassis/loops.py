"""Background loops: work while there is work, then wait for a wake-up or the next poll.

Wake-ups are hints; jittered polling is the truth. A loop survives an outage of the database or a
peer (it backs off and goes on) and nothing else: any other failure ends the process.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.chassis.database import is_outage
from services.chassis.telemetry import log

OUTAGE_BACKOFF_SECONDS: Final = 0.5
Result = TypeVar("Result")


class Wake:
    """A hint that there may be work: set by the writer of the work, awaited by a loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Says that there may be work."""
        self._event.set()

    async def wait(self, seconds_max: float) -> None:
        """Returns when there may be work, at the latest after `seconds_max`."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()


class Stopping:
    """Set once, when the process is asked to end; loops finish what they hold and return."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._wakes: list[Wake] = []
        self._asked_at: float | None = None

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wakes(self, wake: Wake) -> None:
        """Sets this wake too when the process is asked to end."""
        self._wakes.append(wake)

    def set(self) -> None:
        """Asks every loop to return."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
        self._event.set()
        for wake in self._wakes:
            wake.set()

    async def wait(self) -> None:
        """Returns when the process is asked to end."""
        await self._event.wait()

    def seconds_left(self, drain_seconds: float) -> float:
        """What is left of `drain_seconds`, which begin when the process is asked to end."""
        if self._asked_at is None:
            return drain_seconds
        return max(0.0, self._asked_at + drain_seconds - time.monotonic())


async def loop(
    step: Callable[[], Awaitable[int]], wake: Wake, stopping: Stopping, *, poll_seconds: float
) -> None:
    """Runs `step` until the process stops; a step returns how many items it handled."""
    stopping.wakes(wake)
    while not stopping:
        try:
            handled = await step()
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("loop waits out an outage", error=type(error).__name__)
            await wake.wait(jittered(OUTAGE_BACKOFF_SECONDS))
            continue
        if handled == 0 and not stopping:
            await wake.wait(jittered(poll_seconds))


async def retry_outage(call: Callable[[], Awaitable[Result]], *, seconds_max: float) -> Result:
    """What `call` returns, called again through an outage of at most so many seconds.

    For reports of what was done: a report whose answer was lost may have taken effect, so the call
    must be idempotent. Raises whatever else ends it.
    """
    give_up_at = time.monotonic() + seconds_max
    while True:
        try:
            return await call()
        except Exception as error:
            if not is_outage(error) or time.monotonic() > give_up_at:
                raise
        await asyncio.sleep(jittered(OUTAGE_BACKOFF_SECONDS))


def jittered(seconds: float) -> float:
    """Between half of it and all of it, so that many processes do not poll in step."""
    return seconds * random.uniform(0.5, 1)
