"""Fault injection on a line to PostgreSQL: one response is lost after its work is committed.

    fault_injection = FaultInjection()
    async with FaultProxy(host, port, watch=fault_injection.watch) as proxy:
        fault_injection.arm("delivery.claim_deliveries", lambda: setattr(proxy, "fault", Reset()))
        await fault_injection.triggered.wait()
        await fault_injection.given_up.wait()

It waits for a call of the function that returns rows, on any connection. When the server
has said that it is ready for the next one, which it does after the commit, the fault begins and
the client has none of the answer yet. It is over for the client when it gives the connection up.

Protocol: PostgreSQL's documentation, chapter "Frontend/Backend Protocol", version 3.0.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

_SSL_REQUEST: Final = 80877103
_LENGTH_BYTES: Final = 4


class FaultInjection:
    """At most one function is waited for at a time."""

    def __init__(self) -> None:
        self.triggered = asyncio.Event()
        self.given_up = asyncio.Event()
        self._function: bytes | None = None
        self._on_match: Callable[[], None] = lambda: None

    def arm(self, function: str, on_match: Callable[[], None]) -> None:
        """Calls `on_match` at the next answer of the function that has rows."""
        self.triggered.clear()
        self.given_up.clear()
        self._function, self._on_match = f" {function}(".encode(), on_match

    def disarm(self) -> None:
        """Waits for nothing any more."""
        self._function = None

    def watch(self) -> "Watched":
        """Looks at a new connection."""
        return Watched(self)

    def awaits(self, query: bytes) -> bool:
        """Whether the query calls the function that is waited for."""
        return self._function is not None and self._function in query

    def trigger(self) -> None:
        """Starts the fault."""
        self._function = None
        self._on_match()
        self.triggered.set()


class Watched:
    """One connection: which query each prepared statement is, and which one is being answered."""

    def __init__(self, fault_injection: FaultInjection) -> None:
        self._fault_injection = fault_injection
        self._sent = _Messages(untyped=True)
        self._answered = _Messages()
        self._statements: dict[bytes, bytes] = {}
        self._query = b""
        self._held = b""
        self._rows = 0
        self._is_triggered = False

    def to_target(self, chunk: bytes) -> None:
        """Sees what the client sends."""
        for kind, body in self._sent.of(chunk):
            if kind == b"" and int.from_bytes(body[:_LENGTH_BYTES]) == _SSL_REQUEST:
                self._sent.untyped = True
                # The answer is one byte, not a message.
                self._answered.bytes_to_skip = 1
            elif kind == b"P":
                name, query, _ = body.split(b"\0", 2)
                self._statements[name] = query
            elif kind == b"B":
                _, name, _ = body.split(b"\0", 2)
                self._query = self._statements.get(name, b"")

    def to_client(self, chunk: bytes) -> bytes:
        """What of the server's answer passes on now; one that is waited for passes as a whole."""
        for kind, _ in self._answered.of(chunk):
            self._rows += kind == b"D"
            if kind == b"Z":
                if self._rows and self._fault_injection.awaits(self._query):
                    self._is_triggered = True
                    self._fault_injection.trigger()
                self._query, self._rows = b"", 0
        self._held += chunk
        if self._fault_injection.awaits(self._query):
            return b""
        passes, self._held = self._held, b""
        return passes

    def client_gone(self) -> None:
        """Tells the fault injection that the client has met the fault."""
        if self._is_triggered:
            self._fault_injection.given_up.set()


class _Messages:
    """Cuts a stream into messages; what is not whole yet waits for more."""

    def __init__(self, *, untyped: bool = False) -> None:
        self.untyped = untyped
        """The next message has no type: it opens the connection."""
        self.bytes_to_skip = 0
        self._rest = b""

    def of(self, chunk: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Type and content of each message that is whole now."""
        skipped = min(self.bytes_to_skip, len(chunk))
        self.bytes_to_skip -= skipped
        self._rest += chunk[skipped:]
        while True:
            start = 0 if self.untyped else 1
            head = start + _LENGTH_BYTES
            if len(self._rest) < head:
                return
            end = start + int.from_bytes(self._rest[start:head])
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[:end], self._rest[end:]
            self.untyped = False
            yield message[:start], message[head:]
