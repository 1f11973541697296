"""An HTTP/1.1 load generator: requests that were written beforehand, over kept connections.

A client library would cost as much as what it measures, on the same cores.
"""

import asyncio
import math
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

from bench.open_loop import Schedule, offer

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_LOOPBACK: Final = "127.0.0.1"


@dataclass(slots=True)
class Sample:
    """One request: when it was to be sent, when it was answered (monotonic seconds), and how."""

    number: int
    planned: float
    answered: float = math.inf
    status: int = 0
    body: bytes = b""

    @property
    def seconds(self) -> float:
        """From the planned time to the answer; infinite where none came."""
        return self.answered - self.planned


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {_LOOPBACK}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, idle: Callable[["_Connection"], None]) -> None:
        self._idle = idle
        self._sample: Sample | None = None
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses.
        self._transport = cast(asyncio.Transport, transport)

    def send(self, sample: Sample, content: bytes) -> None:
        """Sends a request; its answer goes into the sample."""
        assert self._transport is not None
        self._sample = sample
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n") if separator else None
        if length is None or len(rest) < int(length[1]):
            return
        sample, self._sample, self._buffer = self._sample, None, b""
        if sample is not None:
            sample.answered = time.monotonic()
            sample.status = int(head[9:12])
            sample.body = rest
        self._idle(self)

    def connection_lost(self, error: Exception | None) -> None:
        # What it was asked stays unanswered: that is the finding.
        self.lost = True
        self._sample = None
        self._idle(self)

    def close(self) -> None:
        """Closes it."""
        if self._transport is not None:
            self._transport.close()


class HttpLoad:
    """Requests over a fixed set of connections to loopback."""

    def __init__(self) -> None:
        self._connections: list[_Connection] = []
        self._free: deque[_Connection] = deque()
        self._waiting: deque[tuple[Sample, bytes]] = deque()
        self._refill: Callable[[], tuple[Sample, bytes] | None] | None = None
        self._all_idle = asyncio.Event()

    async def open(self, port: int, connections: int) -> None:
        """Connects."""
        running = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await running.create_connection(
                lambda: _Connection(self._idle), _LOOPBACK, port
            )
            self._connections.append(connection)
            self._free.append(connection)

    def close(self) -> None:
        """Closes the connections."""
        for connection in self._connections:
            connection.close()

    async def at_rate(
        self, schedule: Schedule, contents: Sequence[bytes], *, drain_seconds: float = 20
    ) -> list[Sample]:
        """Offers the requests at their times; waits at most `drain_seconds` for the last."""
        samples: list[Sample] = []
        self._refill = None

        def send(number: int, planned: float) -> None:
            sample = Sample(number, planned)
            samples.append(sample)
            self._give(sample, contents[number])

        await offer(schedule, send)
        await self._settle(drain_seconds)
        return samples

    async def at_full_speed(
        self, contents: Sequence[bytes], *, seconds_max: float, drain_seconds: float = 20
    ) -> tuple[list[Sample], float]:
        """Each connection sends the next request when it has the answer to its last.

        Ends after `seconds_max` or when all are sent; answers the samples and the seconds it took.
        """
        samples: list[Sample] = []
        started = time.monotonic()

        def refill() -> tuple[Sample, bytes] | None:
            now = time.monotonic()
            if now - started > seconds_max or len(samples) == len(contents):
                return None
            sample = Sample(len(samples), now)
            samples.append(sample)
            return sample, contents[sample.number]

        self._refill = refill
        for _ in range(len(self._free)):
            self._idle(self._free.popleft())
        await self._settle(seconds_max + drain_seconds)
        self._refill = None
        answered = [sample.answered for sample in samples if sample.status]
        return samples, max(answered, default=started) - started

    def _give(self, sample: Sample, content: bytes) -> None:
        self._all_idle.clear()
        if self._free:
            self._free.popleft().send(sample, content)
        else:
            self._waiting.append((sample, content))

    def _idle(self, connection: _Connection) -> None:
        if connection.lost:
            if connection in self._connections:
                self._connections.remove(connection)
        elif work := self._next():
            self._all_idle.clear()
            connection.send(*work)
            return
        else:
            self._free.append(connection)
        if len(self._free) == len(self._connections) and not self._waiting:
            self._all_idle.set()

    def _next(self) -> tuple[Sample, bytes] | None:
        if self._waiting:
            return self._waiting.popleft()
        return self._refill() if self._refill is not None else None

    async def _settle(self, seconds_max: float) -> None:
        """Returns when every connection is idle, or after `seconds_max`."""
        if len(self._free) == len(self._connections) and not self._waiting:
            return
        try:
            async with asyncio.timeout(seconds_max):
                await self._all_idle.wait()
        except TimeoutError:
            return


@asynccontextmanager
async def http_load(port: int, *, connections: int) -> AsyncIterator[HttpLoad]:
    """Open connections to a port on loopback."""
    load = HttpLoad()
    await load.open(port, connections)
    try:
        yield load
    finally:
        load.close()
