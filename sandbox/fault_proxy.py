"""A TCP proxy that shows the faults of networks, for tests in the same process.

    async with FaultProxy("127.0.0.1", 5432) as proxy:
        proxy.fault = Reset()
        ...connect to proxy.port

A fault holds for new bytes and new connections from the moment it is set; `None` heals the line,
but not connections that a fault has ended. A `watch` sees what passes on a connection and may hold
back what goes to the client, so that a fault strikes at the very bytes it is meant for.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

_CHUNK_BYTES = 64 * 1024
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Each chunk waits this long, in either direction."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """RST to the client on every connection: open ones at once, new ones when they come."""


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """Connections stay open and nothing passes, in either direction, until the line is healed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAfter:
    """The client gets this many bytes more on each connection, then its end.

    What the client sends still reaches the target, so a commit may have happened.
    """

    to_client_bytes: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nobody listens: new connections are refused, open ones stay."""


Fault = Latency | Reset | HalfOpen | CutAfter | Refuse


class Watch(Protocol):
    """Looks at one connection."""

    def to_target(self, chunk: bytes) -> None:
        """Sees what the client sends."""

    def to_client(self, chunk: bytes) -> bytes:
        """Sees what the target sends, and says what of it, and of what it held, passes on now."""

    def client_gone(self) -> None:
        """Hears that the client has given the connection up, or that a fault has ended it."""


class _Unwatched:
    """Holds nothing back."""

    def to_target(self, chunk: bytes) -> None:
        """Looks away."""

    def to_client(self, chunk: bytes) -> bytes:
        """All of it passes on."""
        return chunk

    def client_gone(self) -> None:
        """Does not care."""


class _Line:
    """One connection of a client and its counterpart to the target."""

    def __init__(self, client: asyncio.StreamWriter, watch: Watch) -> None:
        self.client = client
        self.watch = watch
        self.target: asyncio.StreamWriter | None = None
        self._cut: CutAfter | None = None
        self._to_client_bytes_left = 0

    def reset(self) -> None:
        """Ends both sides, the client's with RST."""
        connection = self.client.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            # Lingering for 0 s makes close() send RST: socket(7).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Ends both sides without waiting for what is still to be sent."""
        self.client.transport.abort()
        if self.target is not None:
            self.target.transport.abort()

    def allowed(self, chunk: bytes, fault: Fault | None) -> bytes:
        """What of `chunk` the client may still get."""
        if not isinstance(fault, CutAfter):
            return chunk
        if self._cut is not fault:
            self._cut, self._to_client_bytes_left = fault, fault.to_client_bytes
        allowed = chunk[: self._to_client_bytes_left]
        self._to_client_bytes_left -= len(allowed)
        return allowed


class FaultProxy:
    """Listens on a free port of loopback and passes bytes to `target_host:target_port`."""

    def __init__(
        self, target_host: str, target_port: int, *, watch: Callable[[], Watch] = _Unwatched
    ) -> None:
        self._target = (target_host, target_port)
        self._watch = watch
        self._fault: Fault | None = None
        self._changed = asyncio.Event()
        self._listener: socket.socket | None = None
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def fault(self) -> Fault | None:
        """What is wrong with the network at this moment."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault = fault
        if isinstance(fault, Refuse):
            self._stop_listening()
        else:
            self._listen()
        if isinstance(fault, Reset):
            for line in list(self._lines):
                line.reset()
        self._changed.set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_listening()
        for line in list(self._lines):
            line.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(self) -> None:
        if self._listener is not None:
            return
        self._listener = socket.create_server((_HOST, self.port))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _stop_listening(self) -> None:
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        task = asyncio.create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        from_client, client = await asyncio.open_connection(sock=connection)
        line = _Line(client, self._watch())
        self._lines.add(line)
        try:
            await self._passage()
            if isinstance(self._fault, Reset):
                line.reset()
                return
            from_target, line.target = await asyncio.open_connection(*self._target)
            await self._pass_both_ways(line, from_client, from_target, line.target)
        except OSError:
            # The target is away or a side has reset: the client sees what a router would show.
            line.reset()
        finally:
            self._lines.discard(line)
            line.abort()

    async def _passage(self) -> None:
        """Waits as long as the fault holds bytes back."""
        if isinstance(self._fault, Latency):
            await asyncio.sleep(self._fault.seconds)
        while isinstance(self._fault, HalfOpen):
            await self._changed.wait()

    async def _pass_both_ways(
        self,
        line: _Line,
        from_client: asyncio.StreamReader,
        from_target: asyncio.StreamReader,
        target: asyncio.StreamWriter,
    ) -> None:
        async with asyncio.TaskGroup() as ways:
            upward = ways.create_task(self._pass_to_target(line, from_client, target))
            await self._pass_to_client(line, from_target)
            upward.cancel()

    async def _pass_to_target(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # Read as it comes: while the line holds bytes back, the client may give it up.
        chunks: asyncio.Queue[bytes] = asyncio.Queue()
        async with asyncio.TaskGroup() as reading:
            reading.create_task(_read(line, reader, chunks))
            with contextlib.suppress(ConnectionError):
                while chunk := await chunks.get():
                    await self._passage()
                    writer.write(chunk)
                    await writer.drain()
                writer.write_eof()

    async def _pass_to_client(self, line: _Line, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while read := await reader.read(_CHUNK_BYTES):
                chunk = line.watch.to_client(read)
                await self._passage()
                allowed = line.allowed(chunk, self._fault)
                line.client.write(allowed)
                await line.client.drain()
                if len(allowed) < len(chunk):
                    break
            line.client.close()
            await line.client.wait_closed()


async def _read(line: _Line, reader: asyncio.StreamReader, chunks: asyncio.Queue[bytes]) -> None:
    """Puts what the client sends into the queue, and nothing more at its end."""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            line.watch.to_target(chunk)
            chunks.put_nowait(chunk)
    except ConnectionError:
        return
    finally:
        line.watch.client_gone()
        chunks.put_nowait(b"")
