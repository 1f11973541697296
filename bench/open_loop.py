"""Offering work at fixed times, whatever became of the work before.

A load generator that waits for answers offers less as soon as the system is slow, and so measures
only the good moments ("coordinated omission"). Here each item has a planned time, latencies count
from it, and an item that is offered late because the generator is busy counts as late.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_TICK_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`rate` items a second for `seconds`, evenly spaced, the first at 0."""

    rate: float
    seconds: float

    @property
    def count(self) -> int:
        """How many items there are in all."""
        return round(self.rate * self.seconds)

    def planned(self, number: int) -> float:
        """When item `number` (from 0) is to be offered, in seconds after the start."""
        return number / self.rate

    def due(self, elapsed_seconds: float) -> int:
        """How many items should have been offered by then."""
        if elapsed_seconds < 0:
            return 0
        return min(int(elapsed_seconds * self.rate) + 1, self.count)


async def offer(schedule: Schedule, send: Callable[[int, float], None]) -> None:
    """Calls `send(number, planned)` for each item at its time; `planned` is monotonic seconds.

    `send` must not wait. Returns when the last was offered.
    """
    started = time.monotonic()
    offered = 0
    while offered < schedule.count:
        due = schedule.due(time.monotonic() - started)
        while offered < due:
            send(offered, started + schedule.planned(offered))
            offered += 1
        await asyncio.sleep(_TICK_SECONDS)
