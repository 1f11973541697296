"""Loops: work while there is work, wake at a hint, survive an outage, end at anything else."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import pytest

from services.chassis.errors import DomainError, unavailable
from services.chassis.lifetime import looping
from services.chassis.loops import Stopping, Wake, jittered, loop, retry_outage


class Steps:
    """Answers as the test says, one after the other; then stops the loop."""

    def __init__(self, stopping: Stopping, *answers: int | Exception) -> None:
        self._stopping = stopping
        self._answers = list(answers)
        self.taken = 0

    async def __call__(self) -> int:
        self.taken += 1
        answer = self._answers.pop(0)
        if not self._answers:
            self._stopping.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def ends(awaitable: Awaitable[None]) -> None:
    await asyncio.wait_for(awaitable, 10)


async def test_a_loop_goes_on_without_waiting_while_there_is_work() -> None:
    stopping = Stopping()
    steps = Steps(stopping, 3, 2, 1)
    await ends(loop(steps, Wake(), stopping, poll_seconds=3600))
    assert steps.taken == 3


async def test_an_idle_loop_waits_for_its_wake() -> None:
    stopping, wake = Stopping(), Wake()
    idle = asyncio.Event()
    steps = Steps(stopping, 0, 1)

    async def step() -> int:
        handled = await steps()
        idle.set()
        return handled

    running = asyncio.create_task(loop(step, wake, stopping, poll_seconds=3600))
    await asyncio.wait_for(idle.wait(), 5)
    assert steps.taken == 1
    wake.set()
    await ends(running)
    assert steps.taken == 2


async def test_an_idle_loop_polls() -> None:
    stopping = Stopping()
    steps = Steps(stopping, 0, 0, 0)
    await ends(loop(steps, Wake(), stopping, poll_seconds=0.001))
    assert steps.taken == 3


async def test_a_wake_that_came_before_the_wait_is_not_lost() -> None:
    wake = Wake()
    wake.set()
    await ends(wake.wait(3600))


@pytest.mark.parametrize("outage", [unavailable("away"), ConnectionRefusedError(), TimeoutError()])
async def test_a_loop_waits_out_an_outage(outage: Exception) -> None:
    stopping, wake = Stopping(), Wake()
    steps = Steps(stopping, outage, 1)

    async def step() -> int:
        wake.set()
        return await steps()

    await ends(loop(step, wake, stopping, poll_seconds=3600))
    assert steps.taken == 2


async def test_a_loop_that_fails_otherwise_rises() -> None:
    stopping = Stopping()
    with pytest.raises(KeyError):
        await ends(loop(Steps(stopping, KeyError("x"), 1), Wake(), stopping, poll_seconds=1))


async def test_stopping_ends_a_loop_that_waits() -> None:
    stopping, waiting = Stopping(), asyncio.Event()

    async def step() -> int:
        waiting.set()
        return 0

    running = asyncio.create_task(loop(step, Wake(), stopping, poll_seconds=3600))
    await asyncio.wait_for(waiting.wait(), 5)
    stopping.set()
    await ends(running)


async def test_a_report_is_made_again_through_an_outage() -> None:
    report = Steps(Stopping(), unavailable("away"), ConnectionResetError(), 7)
    assert await retry_outage(report, seconds_max=60) == 7
    assert report.taken == 3


async def test_an_outage_that_goes_on_rises() -> None:
    report = Steps(Stopping(), *[unavailable("away")] * 9)
    with pytest.raises(DomainError, match="away"):
        await retry_outage(report, seconds_max=0)
    assert report.taken == 1


async def test_a_report_that_fails_otherwise_rises_at_once() -> None:
    report = Steps(Stopping(), KeyError("x"), 7)
    with pytest.raises(KeyError):
        await retry_outage(report, seconds_max=60)
    assert report.taken == 1


def test_jitter_lies_between_half_and_all() -> None:
    assert all(5 <= jittered(10) <= 10 for _ in range(1_000))
    assert len({jittered(10) for _ in range(10)}) > 1


async def until_stopped(stopping: Stopping, ended: list[str], name: str) -> None:
    await stopping.wait()
    ended.append(name)


async def test_loops_are_asked_to_stop_and_waited_for_when_the_block_ends() -> None:
    stopping, ended = Stopping(), list[str]()
    async with looping(stopping, drain_seconds=10) as loops:
        for name in ("one", "two"):
            loops.start(until_stopped(stopping, ended, name))
    assert sorted(ended) == ["one", "two"]


async def test_a_loop_that_does_not_stop_is_cancelled_after_the_drain() -> None:
    stopping, cancelled = Stopping(), asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with looping(stopping, drain_seconds=0.01) as loops:
        loops.start(deaf())
        await asyncio.sleep(0)
    assert cancelled.is_set()


async def test_a_loop_that_crashes_ends_the_block() -> None:
    async def crash() -> None:
        raise KeyError("x")

    async def serve() -> None:
        async with looping(Stopping(), drain_seconds=10) as loops:
            loops.start(crash())
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(serve(), 10)
    assert caught.group_contains(KeyError)


async def process(code: str, act: Callable[[asyncio.subprocess.Process], None] | None) -> int:
    """The exit code of a Python process that says "ready"."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert started.stdout is not None
    while b"ready" not in await started.stdout.readline():
        continue
    if act:
        act(started)
    await asyncio.wait_for(started.communicate(), 20)
    assert started.returncode is not None
    return started.returncode


SERVES = """
from services.chassis.lifetime import run
async def main(stopping):
    print("ready", flush=True)
    await stopping.wait()
run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_that_is_asked_to_end_ends_with_0(number: signal.Signals) -> None:
    assert await process(SERVES, lambda started: started.send_signal(number)) == 0


async def test_a_process_that_crashes_ends_with_1() -> None:
    crashing = SERVES.replace("await stopping.wait()", "raise KeyError")
    assert await process(crashing, None) == 1
