"""Reads a stranger's calendar in a process of its own, which can be stopped.

What a file of a few bytes makes the libraries do has no bound, and a thread cannot be ended. The
process has a bound on its processor time and its memory, and is killed where it takes too long.
"""

import asyncio
import os
import resource
import sys
from dataclasses import dataclass
from datetime import datetime
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import Final

import msgspec

from services.scheduling.busy_times import Busy, CalendarUnreadable, busy_times

# A stranger's file is not read beside our passwords.
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a calendar: its times from start to end, by the zone where they have none.

    `memory_bytes` and `processor_seconds` are the process's bounds.
    """

    zone: str
    start: datetime
    end: datetime
    memory_bytes: int
    processor_seconds: int


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What the process answers: busy times, or why there are none."""

    busy: list[Busy] = []
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarReader:
    """Starts a process for each calendar; at most so many seconds and bytes for each."""

    seconds_max: float
    memory_bytes_max: int

    async def busy_times(
        self, content: bytes, zone: str, start: datetime, end: datetime
    ) -> list[Busy]:
        """As the function of that name. Raises CalendarUnreadable, also at a bound."""
        window = Window(
            zone=zone,
            start=start,
            end=end,
            memory_bytes=self.memory_bytes_max,
            processor_seconds=max(1, int(self.seconds_max)),
        )
        asked = msgspec.json.encode(window) + b"\n" + content
        process = self._start()
        talk = asyncio.ensure_future(asyncio.to_thread(self._told, process, asked))
        try:
            told = await asyncio.shield(talk)
        except TimeoutExpired:
            raise CalendarUnreadable("it takes too long to read") from None
        finally:
            # Ends the talk too, where it goes on.
            process.kill()
            await asyncio.wait([talk])
        if process.returncode != 0:
            raise CalendarUnreadable("it takes too much to read")
        answer = msgspec.json.decode(told, type=Read)
        if answer.unreadable:
            raise CalendarUnreadable(answer.unreadable)
        return answer.busy

    def _start(self) -> Popen[bytes]:
        """Starts it as Popen does: uvloop would run the handlers that gRPC has for forks."""
        return Popen(
            (sys.executable, "-m", "services.scheduling.calendar_reader"),
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )

    def _told(self, process: Popen[bytes], asked: bytes) -> bytes:
        """What the process answers. Raises TimeoutExpired; it has ended then too."""
        with process:
            try:
                told, _ = process.communicate(asked, timeout=self.seconds_max)
            finally:
                process.kill()
        return told


def main() -> None:
    """Reads a window's line and a calendar, writes what it found."""
    window = msgspec.json.decode(sys.stdin.buffer.readline(), type=Window)
    resource.setrlimit(resource.RLIMIT_AS, (window.memory_bytes, window.memory_bytes))
    resource.setrlimit(
        resource.RLIMIT_CPU, (window.processor_seconds, window.processor_seconds + 1)
    )
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        busy = busy_times(sys.stdin.buffer.read(), window.zone, window.start, window.end)
        read = Read(busy=busy)
    except CalendarUnreadable as error:
        read = Read(unreadable=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(read))


if __name__ == "__main__":
    main()
