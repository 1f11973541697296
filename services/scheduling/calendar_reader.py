"""Reads an external calendar in a process of its own, which can be stopped.

A file of a few bytes can keep the libraries busy without end, and a thread cannot be stopped. The
process has bounds on its processor time and memory, and is killed where it takes too long.
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

# The process that reads an external file does not get our passwords.
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")


class ReadCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Which times the process shall read, and its bounds.

    Times from `start` to `end`; those without a zone are in `zone`.
    """

    zone: str
    start: datetime
    end: datetime
    memory_bytes: int
    processor_seconds: int


class ReadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the process found: busy times, or why the calendar is unreadable."""

    busy: list[Busy] = []
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarReader:
    """Starts a process for each calendar, with bounds in seconds and bytes."""

    seconds_max: float
    memory_bytes_max: int

    async def busy_times(
        self, content: bytes, zone: str, start: datetime, end: datetime
    ) -> list[Busy]:
        """As the function of that name. Raises CalendarUnreadable, also at a bound."""
        command = ReadCommand(
            zone=zone,
            start=start,
            end=end,
            memory_bytes=self.memory_bytes_max,
            processor_seconds=max(1, int(self.seconds_max)),
        )
        message = msgspec.json.encode(command) + b"\n" + content
        process = self._start()
        exchange = asyncio.ensure_future(asyncio.to_thread(self._communicate, process, message))
        try:
            output = await asyncio.shield(exchange)
        except TimeoutExpired:
            raise CalendarUnreadable("it takes too long to read") from None
        finally:
            # Ends the exchange too, where it still runs.
            process.kill()
            await asyncio.wait([exchange])
        if process.returncode != 0:
            raise CalendarUnreadable("it takes too much to read")
        result = msgspec.json.decode(output, type=ReadResult)
        if result.unreadable:
            raise CalendarUnreadable(result.unreadable)
        return result.busy

    def _start(self) -> Popen[bytes]:
        """By Popen, since uvloop would run the fork handlers of gRPC."""
        return Popen(
            (sys.executable, "-m", "services.scheduling.calendar_reader"),
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )

    def _communicate(self, process: Popen[bytes], message: bytes) -> bytes:
        """The process's output. The process has ended, also where this raises TimeoutExpired."""
        with process:
            try:
                output, _ = process.communicate(message, timeout=self.seconds_max)
            finally:
                process.kill()
        return output


def main() -> None:
    """Reads a line with the command and then a calendar from stdin, writes the result."""
    command = msgspec.json.decode(sys.stdin.buffer.readline(), type=ReadCommand)
    resource.setrlimit(resource.RLIMIT_AS, (command.memory_bytes, command.memory_bytes))
    resource.setrlimit(
        resource.RLIMIT_CPU, (command.processor_seconds, command.processor_seconds + 1)
    )
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        busy = busy_times(sys.stdin.buffer.read(), command.zone, command.start, command.end)
        result = ReadResult(busy=busy)
    except CalendarUnreadable as error:
        result = ReadResult(unreadable=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
