"""Work at intervals, by any number of processes and without a leader.

The stored function that does the work begins with `begin_tick`, which inserts a row for (task,
tick) in the same transaction: whoever comes second does nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.chassis.database import is_outage
from services.chassis.loops import Stopping, Wake, jittered
from services.chassis.telemetry import log, work
from services.chassis.trace import Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A sweep: its name, how often, and the store's method that runs one tick of it.

    `run` takes the tick's traceparent and returns how many rows it changed, or None when another
    process had run this tick.
    """

    name: str
    every_seconds: float
    run: Callable[[str], Awaitable[int | None]]


async def periodically(task: Task, stopping: Stopping) -> None:
    """Runs the task until the process stops."""
    wake = Wake()
    stopping.wakes(wake)
    while not stopping:
        await run_tick(task)
        await wake.wait(jittered(task.every_seconds))


async def run_tick(task: Task) -> None:
    """One tick; an outage leaves it to the next."""
    try:
        with work("tick", task.name, start=Start(parent=None)) as unit:
            changed = await task.run(unit.trace.traceparent)
            unit.silent = not changed
            unit.note(rows=changed or 0)
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("tick left to the next", task=task.name, error=type(error).__name__)


async def all_periodically(tasks: list[Task], stopping: Stopping) -> None:
    """Runs all of a service's tasks until the process stops."""
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(periodically(task, stopping))
