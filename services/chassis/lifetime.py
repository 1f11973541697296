"""From start to exit code: signals, uvloop, and what ends a process."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop

from services.chassis.loops import Stopping
from services.chassis.telemetry import log


def run(main: Callable[[Stopping], Awaitable[None]]) -> None:
    """Runs a service until SIGTERM or SIGINT (exit code 0) or a crash of any part (code 1)."""
    try:
        uvloop.run(_with_signals(main))
    except Exception:
        log.error("crashed", exc_info=True)
        raise SystemExit(1) from None


async def _with_signals(main: Callable[[Stopping], Awaitable[None]]) -> None:
    stopping = Stopping()
    running_loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running_loop.add_signal_handler(number, stopping.set)
    await main(stopping)
