"""Whether a process can do its work now: what it needs is probed for as long as it serves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from services.chassis.telemetry import log

PROBE_EVERY_SECONDS: Final = 1.0
# One failure may be one connection's; the second one follows soon, so that an outage shows early.
FAILURES_MAX: Final = 1
RETRY_SECONDS: Final = 0.2

Probe = Callable[[], Awaitable[bool]]
"""Whether something that is needed can be reached now; it has a bound of its own."""


async def watch(
    probes: Sequence[Probe],
    report: Callable[[bool], Awaitable[None]],
    *,
    every_seconds: float = PROBE_EVERY_SECONDS,
    retry_seconds: float = RETRY_SECONDS,
) -> None:
    """Probes until it is cancelled, and reports each change: ready, or no longer.

    It begins as ready: a process serves only once what it needs was there.
    """
    ready, failures = True, 0
    while True:
        reachable = [await probe() for probe in probes]
        failures = 0 if all(reachable) else failures + 1
        now_ready = failures <= FAILURES_MAX if ready else failures == 0
        if now_ready != ready:
            ready = now_ready
            log.warning("readiness changed", ready=ready)
            await report(ready)
        await asyncio.sleep(retry_seconds if failures == 1 else every_seconds)
