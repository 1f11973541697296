"""The rule evaluator as the service calls it: its process, started again whenever it ended."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from mmap import mmap
from subprocess import Popen
from typing import BinaryIO, Final, Protocol

import msgspec

from services.chassis.telemetry import log
from services.routing.rule_evaluator.protocol import (
    LENGTH,
    PROGRESS_BYTES,
    EvaluatorLimits,
    Progress,
    Request,
    ResponsePart,
)

# On the clock, for a process that stalls; CPU time is bounded far below.
RESPONSE_SECONDS_MAX: Final = 15.0
_STARTS_MAX: Final = 3


class EvaluatorFailed(Exception):
    """The evaluator ends before it comes to any rule: the process is at fault, not a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """The lead (its number) and the rule (its position) that ended the evaluator.

    The rule took more time or more memory than a lead's rules may.
    """

    lead: int
    rule: int


class RuleEvaluator(Protocol):
    """What evaluates rules."""

    async def call(
        self, request: Request, receive: Callable[[ResponsePart], None]
    ) -> TimedOut | None:
        """Gives each part of the response to `receive`; TimedOut where a rule cut it short.

        Raises EvaluatorFailed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    process: Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class EvaluatorProcess:
    """A rule evaluator in a process of its own, which answers one request at a time."""

    def __init__(self, limits: EvaluatorLimits, progress_file: BinaryIO) -> None:
        self._limits = limits
        self._progress_file = progress_file
        self._progress = Progress(mmap(progress_file.fileno(), PROGRESS_BYTES))
        self._running: _Running | None = None
        self._calling = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._running.process.pid if self._running else None

    async def call(
        self, request: Request, receive: Callable[[ResponsePart], None]
    ) -> TimedOut | None:
        """As `RuleEvaluator` says."""
        async with self._calling:
            for _ in range(_STARTS_MAX):
                self._progress.clear()
                try:
                    async with asyncio.timeout(RESPONSE_SECONDS_MAX):
                        await self._exchange(request, receive)
                        return None
                except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
                    exit_code = await self.end()
                    log.warning(
                        "rule evaluator ended", error=type(error).__name__, exit_code=exit_code
                    )
                except BaseException:
                    # What is left of the response must not become the next one's.
                    await self.end()
                    raise
                if progress := self._progress.read():
                    return TimedOut(lead=progress[0], rule=progress[1])
        raise EvaluatorFailed("the evaluator ends before any rule; its standard error says why")

    async def _exchange(self, request: Request, receive: Callable[[ResponsePart], None]) -> None:
        running = await self._started()
        if running.writer.is_closing():
            raise ConnectionResetError("the evaluator ended while it had nothing to do")
        message = msgspec.msgpack.encode(request)
        running.writer.write(LENGTH.pack(len(message)) + message)
        await running.writer.drain()
        is_last = False
        while not is_last:
            (length,) = LENGTH.unpack(await running.reader.readexactly(LENGTH.size))
            message = await running.reader.readexactly(length)
            part = msgspec.msgpack.decode(message, type=ResponsePart)
            receive(part)
            is_last = part.is_last

    async def _started(self) -> _Running:
        if self._running is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = self._start(theirs)
            try:
                reader, writer = await asyncio.open_unix_connection(sock=ours)
            except BaseException:
                ours.close()
                process.kill()
                process.wait()
                raise
            self._running = _Running(process=process, reader=reader, writer=writer)
        return self._running

    def _start(self, theirs: socket.socket) -> Popen[bytes]:
        """Starts it by Popen: uvloop would run the handlers that gRPC has for forks."""
        fd = self._progress_file.fileno()
        limits = msgspec.json.encode(self._limits).decode()
        return Popen(
            (sys.executable, "-m", "services.routing.rule_evaluator", str(fd), limits),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            pass_fds=(fd,),
        )

    async def end(self) -> int | None:
        """Ends the process, if there is one; returns its exit code."""
        running, self._running = self._running, None
        if running is None:
            return None
        running.writer.close()
        running.process.kill()
        return await asyncio.to_thread(running.process.wait)


@asynccontextmanager
async def evaluator_process(limits: EvaluatorLimits) -> AsyncIterator[EvaluatorProcess]:
    """A rule evaluator whose process starts with the first call and ends with the block."""
    with tempfile.TemporaryFile() as progress_file:
        os.truncate(progress_file.fileno(), PROGRESS_BYTES)
        evaluator = EvaluatorProcess(limits, progress_file)
        try:
            yield evaluator
        finally:
            await evaluator.end()
