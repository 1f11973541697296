"""A process that crashed is started again, with real children and a pause that is only noted."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.local.processes import Crash, Program, Supervisor
from deploy.local.restarts import RestartPolicy, keep_running

SERVES = "import time; print('started', flush=True); time.sleep(600)"
FAILS = "print('no disk'); raise SystemExit(3)"


@pytest.mark.parametrize(
    ("crashed_at", "delay"),
    [
        ([100.0], 0.5),
        ([99.0, 100.0], 1.0),
        ([98.0, 99.0, 100.0], 2.0),
        ([96.0, 97.0, 98.0, 99.0, 100.0], 3.0),
        ([95.0, 96.0, 97.0, 98.0, 99.0, 100.0], None),
        # Those before the window are forgotten.
        ([10.0, 20.0, 30.0, 40.0, 50.0, 100.0], 0.5),
    ],
)
def test_the_pause_doubles_until_a_process_keeps_crashing(
    crashed_at: list[float], delay: float | None
) -> None:
    policy = RestartPolicy(crashes_max=5, window_seconds=50, delay_seconds_max=3)
    assert policy.delay_seconds(crashed_at, 100.0) == delay


class Children:
    """One real child, whose text at its next starts is `text`."""

    def __init__(self, supervisor: Supervisor, folder: Path) -> None:
        self.supervisor = supervisor
        self.log = folder / "child.log"
        self.text = SERVES
        self.starts = 0

    async def crashed(self) -> Crash:
        return await self.supervisor.crashed()

    async def restart(self, name: str) -> None:
        self.starts += 1

        async def ready() -> bool:
            return self.log.read_text().count("started") >= self.starts

        command = [sys.executable, "-c", self.text]
        await self.supervisor.start(
            Program(name=name, command=command, log_path=self.log, ready=ready)
        )

    def crash(self) -> None:
        os.kill(self.supervisor.pid("child"), signal.SIGKILL)


async def test_a_crashed_child_is_started_again_and_each_crash_is_told_once(
    tmp_path: Path,
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with Supervisor() as supervisor:
        children = Children(supervisor, tmp_path)
        await children.restart("child")
        keeping = asyncio.create_task(
            keep_running(children, RestartPolicy(), told.put_nowait, pause=pause)
        )
        for delay in ("0.5", "1"):
            children.crash()
            assert await told.get() == (
                "child ended with signal SIGKILL. Its last lines:\n  started\n"
                f"child is started again in {delay} s"
            )
            assert await told.get() == "child runs again"
        assert told.empty()
        assert not keeping.done()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert pauses == [0.5, 1.0]


async def test_a_child_that_keeps_crashing_is_given_up_with_its_last_words(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    async def pause(_: float) -> None:
        """Does not wait."""

    async with Supervisor() as supervisor:
        children = Children(supervisor, tmp_path)
        await children.restart("child")
        children.text = FAILS
        children.crash()
        policy = RestartPolicy(crashes_max=2)
        words = await keep_running(children, policy, told.append, pause=pause)
    assert words == (
        "child keeps crashing (3 times within 120 s). The last time, child ended with exit code 3."
        " Its last lines:\n  no disk"
    )
    assert len(told) == 2
