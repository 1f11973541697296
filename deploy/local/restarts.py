"""Starts a process again that ended unasked; one that keeps ending ends the run."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from deploy.local.ports import PortTaken
from deploy.local.postgres import PostgresFailed
from deploy.local.processes import Crash, ProgramFailed


class Restartable(Protocol):
    """What runs the processes: tells which one has crashed, and starts it again."""

    async def crashed(self) -> Crash:
        """Waits for the next process that ends unasked."""
        ...

    async def restart(self, name: str) -> None:
        """Starts it again; raises ProgramFailed, PostgresFailed or PortTaken when it does not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How often a process is started again, and after which pause.

    The pause doubles with each crash within `window_seconds`; with more than `crashes_max` of them
    the process keeps crashing.
    """

    crashes_max: int = 5
    window_seconds: float = 120
    delay_seconds_min: float = 0.5
    delay_seconds_max: float = 8

    def delay_seconds(self, crashed_at: Sequence[float], now: float) -> float | None:
        """The pause before the next start, or None when it keeps crashing.

        `crashed_at` holds the monotonic times of its crashes, the last one among them.
        """
        recent = sum(now - at < self.window_seconds for at in crashed_at)
        if recent > self.crashes_max:
            return None
        return float(min(self.delay_seconds_min * 2 ** max(recent - 1, 0), self.delay_seconds_max))


async def keep_running(
    processes: Restartable,
    policy: RestartPolicy,
    report: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """Starts again what crashes, one after the other; returns when one keeps crashing.

    The answer is its last crash in words. Each crash is reported once, and so is each return.
    """
    history: dict[str, deque[float]] = {}
    while True:
        crash = await processes.crashed()
        name, words = crash.name, str(crash)
        # The policy never looks further back.
        crashed_at = history.setdefault(name, deque(maxlen=policy.crashes_max + 1))
        while True:
            crashed_at.append(clock())
            delay = policy.delay_seconds(crashed_at, clock())
            if delay is None:
                return (
                    f"{name} keeps crashing ({len(crashed_at)} times within "
                    f"{policy.window_seconds:g} s). The last time, {words}"
                )
            report(f"{words}\n{name} is started again in {delay:g} s")
            await pause(delay)
            try:
                await processes.restart(name)
            except (ProgramFailed, PostgresFailed, PortTaken) as error:
                words = str(error)
            else:
                report(f"{name} runs again")
                break
