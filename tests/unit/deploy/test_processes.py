"""The supervisor, with real children."""

import asyncio
import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.process_tree import alive
from deploy.local.processes import Crash, Program, ProgramFailed, Supervisor

OBEDIENT = """
import signal, sys, time
def end(*_):
    print("ending", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("started", flush=True)
while True:
    time.sleep(60)
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print("started", child, flush=True)
while True:
    time.sleep(60)
"""


def a_program(tmp_path: Path, text: str = OBEDIENT, name: str = "child", **more: Any) -> Program:
    """A Python program that is ready once its log says `started`."""
    log_path = tmp_path / f"{name}.log"
    earlier = log_path.read_text() if log_path.exists() else ""

    async def started() -> bool:
        return "started" in log_path.read_text().removeprefix(earlier)

    facts: dict[str, Any] = {"ready": started, **more}
    return Program(name=name, command=[sys.executable, "-c", text], log_path=log_path, **facts)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def ended(pid: int) -> None:
    """Returns when `pid` has ended; it need not be a child of ours."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        readable, _, _ = await asyncio.to_thread(select.select, [descriptor], [], [], 10)
        assert readable, f"process {pid} still runs"
    finally:
        os.close(descriptor)


async def test_output_is_appended_to_a_private_log(tmp_path: Path) -> None:
    for _ in range(2):
        program = a_program(tmp_path)
        async with Supervisor() as supervisor:
            await supervisor.start(program)
    assert program.log_path.read_text() == "started\nending\n" * 2
    assert mode(program.log_path) == 0o600


async def test_environment_is_added_to_the_launchers(tmp_path: Path) -> None:
    text = "import os; print(os.environ['PATH'], os.environ['COLOUR'], flush=True)" + OBEDIENT
    program = a_program(tmp_path, text, env={"COLOUR": "blue"})
    async with Supervisor() as supervisor:
        await supervisor.start(program)
    assert program.log_path.read_text().startswith(f"{os.environ['PATH']} blue\n")


async def test_start_waits_for_the_probe_and_os_errors_mean_not_yet(tmp_path: Path) -> None:
    answers: Iterator[OSError | bool] = iter([ConnectionRefusedError(), False, True])

    async def ready() -> bool:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async with Supervisor() as supervisor:
        await supervisor.start(a_program(tmp_path, ready=ready))
        assert list(answers) == []


async def test_a_program_that_ends_while_starting_is_released_with_its_last_lines(
    tmp_path: Path,
) -> None:
    text = "for n in range(30): print('line', n)\nraise SystemExit(3)"
    async with Supervisor() as supervisor:
        with pytest.raises(ProgramFailed) as failure:
            await supervisor.start(a_program(tmp_path, text))
    lines = str(failure.value).splitlines()
    assert lines[0] == "child ended with exit code 3. Its last lines:"
    assert [line.strip() for line in lines[1:]] == [f"line {n}" for n in range(10, 30)]


async def test_a_program_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    pids: list[int] = []

    async def never() -> bool:
        pids.append(supervisor.pid("child"))
        return False

    async with Supervisor() as supervisor:
        with pytest.raises(ProgramFailed, match=r"child was not ready after 0\.3 s"):
            await supervisor.start(a_program(tmp_path, ready=never, ready_seconds_max=0.3))
    assert not alive(pids[0])


async def test_progress_is_released_while_a_program_starts(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def after_progress() -> bool:
        return released.is_set()

    sentences: list[str] = []

    def progress(sentence: str) -> None:
        sentences.append(sentence)
        released.set()

    async with Supervisor(progress=progress) as supervisor:
        await supervisor.start(a_program(tmp_path, ready=after_progress))
    assert sentences == ["child is starting (1 s)"]


async def test_a_failing_probe_ends_the_program_and_is_not_hidden(tmp_path: Path) -> None:
    async def broken() -> bool:
        raise ZeroDivisionError

    async with Supervisor() as supervisor:
        with pytest.raises(ZeroDivisionError):
            await supervisor.start(a_program(tmp_path, ready=broken))
        with pytest.raises(KeyError):
            supervisor.pid("child")


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    program = Program(name="ghost", command=["/no/such/thing"], log_path=tmp_path / "log")
    async with Supervisor() as supervisor:
        with pytest.raises(ProgramFailed, match="ghost: /no/such/thing was not found"):
            await supervisor.start(program)


async def test_a_crash_is_reported_with_name_signal_and_last_lines(tmp_path: Path) -> None:
    async with Supervisor() as supervisor:
        await supervisor.start(a_program(tmp_path, name="first"))
        await supervisor.start(a_program(tmp_path, name="second"))
        crashed = asyncio.create_task(supervisor.crashed())
        os.kill(supervisor.pid("second"), signal.SIGKILL)
        crash = await crashed
        assert crash == Crash(name="second", exit_code=-signal.SIGKILL, last_lines=("started",))
        assert str(crash) == "second ended with signal SIGKILL. Its last lines:\n  started"


async def test_lines_of_an_earlier_run_are_not_released(tmp_path: Path) -> None:
    program = a_program(tmp_path, "print('started', flush=True)")
    async with Supervisor() as supervisor:
        for _ in range(2):
            await supervisor.start(
                Program(name="child", command=program.command, log_path=program.log_path)
            )
            assert (await supervisor.crashed()).last_lines == ("started",)


async def test_what_was_killed_on_purpose_is_no_crash_and_can_start_again(
    tmp_path: Path,
) -> None:
    async with Supervisor() as supervisor:
        await supervisor.start(a_program(tmp_path))
        first = supervisor.pid("child")
        await supervisor.kill("child")
        assert not alive(first)
        await supervisor.start(a_program(tmp_path))
        os.kill(supervisor.pid("child"), signal.SIGKILL)
        await supervisor.crashed()
        assert supervisor._crashes.empty()


async def test_all_are_stopped_the_last_one_first(tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    text = OBEDIENT.replace(
        'print("ending"', f'open({str(stopped)!r}, "a").write(sys.argv[1]); print("ending"'
    )
    async with Supervisor() as supervisor:
        for name in ("a", "b", "c"):
            program = a_program(tmp_path, text, name=name)
            await supervisor.start(
                Program(
                    name=name,
                    command=[*program.command, name],
                    log_path=program.log_path,
                    ready=program.ready,
                )
            )
    assert stopped.read_text() == "cba"


async def test_what_ignores_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    sentences: list[str] = []
    program = a_program(tmp_path, STUBBORN, grace_seconds=0.2)
    async with Supervisor(progress=sentences.append) as supervisor:
        await supervisor.start(program)
        pids = [supervisor.pid("child"), int(program.log_path.read_text().split()[1])]
        assert all(alive(pid) for pid in pids)
    for pid in pids:
        await ended(pid)
    assert sentences == ["child did not stop within 0.2 s: killed"]


async def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    async with Supervisor() as supervisor:
        await supervisor.start(a_program(tmp_path))
        with pytest.raises(ProgramFailed, match="child is running already"):
            await supervisor.start(a_program(tmp_path))


async def test_no_python_code_runs_between_fork_and_exec(tmp_path: Path) -> None:
    # It would crash now and then in a process where gRPC's threads run.
    trace = tmp_path / "forked"
    watching = True

    def forked() -> None:
        if watching:
            trace.touch()

    os.register_at_fork(after_in_child=forked)
    async with Supervisor() as supervisor:
        await supervisor.start(a_program(tmp_path))
    watching = False
    assert not trace.exists()


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from deploy.local.processes import Program, Supervisor, stop_signals

OBEDIENT = sys.argv[1]
LOG = Path(sys.argv[2])

async def main():
    async def started():
        return "started" in LOG.read_text()
    async with stop_signals() as asked, Supervisor() as supervisor:
        await supervisor.start(
            Program(name="a", command=[sys.executable, "-c", OBEDIENT], log_path=LOG, ready=started)
        )
        print(supervisor.pid("a"), flush=True)
        await asked.wait()

asyncio.run(main())
"""


async def a_launcher(log_path: Path) -> tuple[asyncio.subprocess.Process, int]:
    """A launcher in a process of its own, and the process id of its child."""
    launcher = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LAUNCHER,
        OBEDIENT,
        str(log_path),
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert launcher.stdout is not None
    return launcher, int(await launcher.stdout.readline())


async def test_no_child_outlives_a_launcher_that_was_killed(tmp_path: Path) -> None:
    launcher, child = await a_launcher(tmp_path / "log")
    launcher.kill()
    await launcher.wait()
    await ended(child)
    assert (tmp_path / "log").read_text() == "started\n"


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_signal_stops_the_children_in_good_order(
    tmp_path: Path, stop_signal: signal.Signals
) -> None:
    launcher, child = await a_launcher(tmp_path / "log")
    # To the whole group, as a terminal does with Ctrl-C.
    os.killpg(launcher.pid, stop_signal)
    assert await launcher.wait() == 0
    assert not alive(child)
    assert (tmp_path / "log").read_text() == "started\nending\n"
