"""The judge's process as the service holds it: started when asked, and again when it was ended."""

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
from services.routing.hearings import LENGTH, PLACE_BYTES, Answer, JudgeLimits, Place, Request

# On the clock, for a process that stalls; CPU time is bounded far below.
ANSWER_SECONDS_MAX: Final = 15.0
_STARTS_MAX: Final = 3


class JudgeFailed(Exception):
    """The judge ends before it comes to any rule: no rule is to blame, its process is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """The case and the rule, by position, that the judge was at when it was ended."""

    case: int
    rule: int


class Judge(Protocol):
    """What judges."""

    async def ask(self, request: Request, take: Callable[[Answer], None]) -> Overrun | None:
        """Gives each part of the answer to `take`; answers where the judge ended before the last.

        Raises JudgeFailed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    process: Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class JudgeProcess:
    """A judge in a process of its own, which answers one request at a time."""

    def __init__(self, limits: JudgeLimits, page: BinaryIO) -> None:
        self._limits = limits
        self._page = page
        self._place = Place(mmap(page.fileno(), PLACE_BYTES))
        self._running: _Running | None = None
        self._asking = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._running.process.pid if self._running else None

    async def ask(self, request: Request, take: Callable[[Answer], None]) -> Overrun | None:
        """As `Judge` says."""
        async with self._asking:
            for _ in range(_STARTS_MAX):
                self._place.clear()
                try:
                    async with asyncio.timeout(ANSWER_SECONDS_MAX):
                        await self._exchange(request, take)
                        return None
                except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
                    exit_code = await self.end()
                    log.warning("judge ended", error=type(error).__name__, exit_code=exit_code)
                except BaseException:
                    # What is left of the answer must not be the next one's.
                    await self.end()
                    raise
                if place := self._place.read():
                    return Overrun(case=place[0], rule=place[1])
        raise JudgeFailed("the judge ends before it judges; its standard error says why")

    async def _exchange(self, request: Request, take: Callable[[Answer], None]) -> None:
        running = await self._started()
        if running.writer.is_closing():
            raise ConnectionResetError("the judge was ended while it had nothing to do")
        message = msgspec.msgpack.encode(request)
        running.writer.write(LENGTH.pack(len(message)) + message)
        await running.writer.drain()
        is_last = False
        while not is_last:
            (length,) = LENGTH.unpack(await running.reader.readexactly(LENGTH.size))
            message = await running.reader.readexactly(length)
            answer = msgspec.msgpack.decode(message, type=Answer)
            take(answer)
            is_last = answer.is_last

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
        """Starts it as Popen does: uvloop would run the handlers that gRPC has for forks."""
        fd = self._page.fileno()
        limits = msgspec.json.encode(self._limits).decode()
        return Popen(
            (sys.executable, "-m", "services.routing.judge", str(fd), limits),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            pass_fds=(fd,),
        )

    async def end(self) -> int | None:
        """Ends the process, if there is one; its exit code."""
        running, self._running = self._running, None
        if running is None:
            return None
        running.writer.close()
        running.process.kill()
        return await asyncio.to_thread(running.process.wait)


@asynccontextmanager
async def judging(limits: JudgeLimits) -> AsyncIterator[JudgeProcess]:
    """A judge; its process is ended with the block."""
    with tempfile.TemporaryFile() as page:
        os.truncate(page.fileno(), PLACE_BYTES)
        judge = JudgeProcess(limits, page)
        try:
            yield judge
        finally:
            await judge.end()
