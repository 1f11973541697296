"""From start to exit code: signals, uvloop, loops, and what ends a process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from services.chassis.loops import Stopping
from services.chassis.telemetry import log


def run(main: Callable[[Stopping], Awaitable[None]]) -> None:
    """Runs a service until SIGTERM or SIGINT (exit code 0) or a crash of any part (code 1)."""
    try:
        uvloop.run(_with_signals(main))
    except Exception as error:
        log.error("crashed", error=type(error).__name__, exc_info=True)
        raise SystemExit(1) from None


async def _with_signals(main: Callable[[Stopping], Awaitable[None]]) -> None:
    stopping = Stopping()
    running_loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running_loop.add_signal_handler(number, stopping.set)
    await main(stopping)


class Loops:
    """The background loops of a process; a crash of one ends them all."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, loop: Coroutine[Any, Any, None]) -> None:
        """Runs a loop that returns when the process stops."""
        self._tasks.append(self._group.create_task(loop))

    async def finish(self, seconds_max: float) -> None:
        """Waits for loops to return what they hold; cancels those that take longer."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds_max)
        for task in late:
            task.cancel()


@asynccontextmanager
async def looping(stopping: Stopping, *, drain_seconds: float) -> AsyncIterator[Loops]:
    """Loops that are asked to stop when the process is, or when the block ends.

    They have `drain_seconds` from then on; a loop that has not returned by then is cancelled, and
    releases what it holds.
    """
    async with asyncio.TaskGroup() as group:
        loops = Loops(group)
        yield loops
        stopping.set()
        await loops.finish(stopping.seconds_left(drain_seconds))
