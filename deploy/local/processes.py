"""A small supervisor: starts named child processes, sees them crash, stops them in order.

Every child runs in a session of its own, so Ctrl-C reaches only the launcher and the launcher
decides who stops when; and every child is killed by the kernel when the launcher ends in any way.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.lifetime import send, with_death_signal
from deploy.local.ports import PortTaken, free_port, require_free_port, taken_port
from deploy.local.process_tree import kill_tree

__all__ = [
    "Crash",
    "PortTaken",
    "Program",
    "ProgramFailed",
    "Supervisor",
    "free_port",
    "require_free_port",
    "stop_signals",
    "taken_port",
]

_LOG_LINES_MAX = 20
_LOG_TAIL_BYTES_MAX = 64 * 1024
_PROBE_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start. `env` is added to the launcher's; output is appended to `log_path`.

    `ready` is asked until it says True, at most for `ready_seconds_max`; an OSError from it means
    not yet. Without it the program counts as ready at once. `grace_seconds` lie between SIGTERM
    and SIGKILL when it is stopped.
    """

    name: str
    command: Sequence[str]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_seconds_max: float = 30.0
    grace_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A program that ended unasked; a negative exit code is the signal that ended it."""

    name: str
    exit_code: int
    last_lines: tuple[str, ...]

    def __str__(self) -> str:
        how = f"exit code {self.exit_code}"
        if self.exit_code < 0:
            how = f"signal {signal.Signals(-self.exit_code).name}"
        lines = "\n".join(f"  {line}" for line in self.last_lines) or "  (it printed nothing)"
        return f"{self.name} ended with {how}. Its last lines:\n{lines}"


class ProgramFailed(RuntimeError):
    """A program ended before it was ready, or was not ready in time."""


@dataclass(slots=True)
class _Child:
    program: Program
    process: asyncio.subprocess.Process
    log_start: int
    ending: bool = False
    watch: asyncio.Task[None] | None = None

    def last_lines(self) -> tuple[str, ...]:
        """The end of what this child printed; what earlier ones printed is left out."""
        with self.program.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self.log_start, size - _LOG_TAIL_BYTES_MAX))
            text = log.read().decode(errors="replace")
        return tuple(text.splitlines()[-_LOG_LINES_MAX:])

    def crash(self, exit_code: int) -> Crash:
        return Crash(name=self.program.name, exit_code=exit_code, last_lines=self.last_lines())


class Supervisor:
    """The running children, in the order of their start; `async with` stops them all.

    `progress` is called with a sentence each second while a program is not ready yet.
    """

    def __init__(self, *, progress: Callable[[str], None] | None = None) -> None:
        self._progress = progress
        self._children: dict[str, _Child] = {}
        self._crashes: asyncio.Queue[Crash] = asyncio.Queue()

    def pid(self, name: str) -> int:
        """The process id of a child that runs. Raises KeyError when none has that name."""
        return self._children[name].process.pid

    async def start(self, program: Program) -> None:
        """Starts `program` and returns when it is ready.

        Raises ProgramFailed (with its last lines) when it ends or is not ready in time; it is
        ended then. A name can be started again once its child has ended.
        """
        if program.name in self._children:
            raise ProgramFailed(f"{program.name} is running already.")
        child = await self._spawn(program)
        self._children[program.name] = child
        try:
            await self._until_ready(child)
        except BaseException:
            await self.kill(program.name)
            raise
        child.watch = asyncio.create_task(self._watch(child), name=f"watch {program.name}")

    async def crashed(self) -> Crash:
        """Waits for the next child that ends unasked after it was ready."""
        return await self._crashes.get()

    def report(self, crash: Crash) -> None:
        """Puts a crash (back) among those that `crashed` tells."""
        self._crashes.put_nowait(crash)

    async def stop(self, name: str) -> int | None:
        """SIGTERM, the program's grace, then SIGKILL to it and all that descends from it.

        Answers its exit code (negative: the signal that ended it), None where none runs.
        """
        child = self._leaving(name)
        if child is None:
            return None
        send(child.process, signal.SIGTERM)
        try:
            async with asyncio.timeout(child.program.grace_seconds):
                await child.process.wait()
        except TimeoutError:
            self._report_progress(
                f"{name} did not stop within {child.program.grace_seconds:g} s: killed"
            )
            await _kill(child)
        return child.process.returncode

    async def kill(self, name: str) -> None:
        """`kill -9` of a child and all that descends from it; not reported as a crash."""
        child = self._leaving(name)
        if child is not None:
            await _kill(child)

    async def stop_all(self) -> None:
        """Stops the children one after the other, the last one started first."""
        for name in reversed(list(self._children)):
            await self.stop(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop_all()

    def _leaving(self, name: str) -> _Child | None:
        child = self._children.pop(name, None)
        if child is not None:
            child.ending = True
        return child

    def _report_progress(self, sentence: str) -> None:
        if self._progress is not None:
            self._progress(sentence)

    async def _spawn(self, program: Program) -> _Child:
        if shutil.which(program.command[0]) is None:
            raise ProgramFailed(f"{program.name}: {program.command[0]} was not found.")
        log = os.open(program.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            log_start = os.fstat(log).st_size
            process = await asyncio.create_subprocess_exec(
                *with_death_signal(program.command),
                cwd=program.folder,
                env={**os.environ, **program.env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
        return _Child(program=program, process=process, log_start=log_start)

    async def _until_ready(self, child: _Child) -> None:
        program = child.program
        if program.ready is None:
            return
        ended = asyncio.create_task(child.process.wait())
        probe = asyncio.create_task(self._probe(program))
        try:
            await asyncio.wait(
                {ended, probe},
                timeout=program.ready_seconds_max,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if ended.done():
                raise ProgramFailed(str(child.crash(ended.result())))
            if not probe.done():
                lines = "\n".join(f"  {line}" for line in child.last_lines())
                raise ProgramFailed(
                    f"{program.name} was not ready after {program.ready_seconds_max:g} s. "
                    f"Its last lines:\n{lines}"
                )
            probe.result()
        finally:
            for task in (ended, probe):
                task.cancel()
            await asyncio.gather(ended, probe, return_exceptions=True)

    async def _probe(self, program: Program) -> None:
        started = reported_at = time.monotonic()
        while program.ready is not None:
            with contextlib.suppress(OSError):
                if await program.ready():
                    return
            now = time.monotonic()
            if now - reported_at >= 1:
                reported_at = now
                self._report_progress(f"{program.name} is starting ({now - started:.0f} s)")
            await asyncio.sleep(_PROBE_SECONDS)

    async def _watch(self, child: _Child) -> None:
        exit_code = await child.process.wait()
        if child.ending:
            return
        self._children.pop(child.program.name, None)
        self._crashes.put_nowait(child.crash(exit_code))


async def _kill(child: _Child) -> None:
    if child.process.returncode is None:
        kill_tree(child.process.pid)
    await child.process.wait()


@asynccontextmanager
async def stop_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT (Ctrl-C) or SIGTERM sets, instead of ending the launcher on the spot."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop_signal, asked.set)
    try:
        yield asked
    finally:
        for stop_signal in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(stop_signal)
