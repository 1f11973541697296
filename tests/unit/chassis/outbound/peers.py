"""Servers on loopback that behave as badly as peers do, and calls to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any, TypeAlias

from services.chassis.outbound.client import (
    OutboundClient,
    OutboundPolicy,
    OutboundResponse,
)

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Handler: TypeAlias = Callable[[Reader, Writer], Awaitable[None]]

LOOPBACK = (IPv4Network("127.0.0.0/8"),)


def a_policy(**changed: Any) -> OutboundPolicy:
    defaults = {"allowed_networks": LOOPBACK, "http_hosts": frozenset({"127.0.0.1", "buyer.test"})}
    return OutboundPolicy(**(defaults | changed))


class Names:
    """A name server of our own; counts what it was asked and answers from a list in turn."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Peer:
    """A TCP server that keeps each request it read and answers with its handler."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            await self.handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def read_request(self, reader: Reader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [
            line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        ]
        body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        self.requests.append(head + body)
        return head + body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=secret"


@asynccontextmanager
async def serving(peer: Peer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield peer


def answering(*answers: bytes, keep: bool = False) -> Peer:
    """A peer that gives these bytes to each request, then closes or waits for the next one."""

    async def handle(reader: Reader, writer: Writer) -> None:
        while True:
            await peer.read_request(reader)
            for part in answers:
                writer.write(part)
                await writer.drain()
            if not keep:
                return

    peer = Peer(handle)
    return peer


def then_hanging(*answers: bytes) -> Peer:
    """A peer that gives these bytes and then nothing, until the client hangs up."""

    async def handle(reader: Reader, writer: Writer) -> None:
        await peer.read_request(reader)
        for part in answers:
            writer.write(part)
        await writer.drain()
        await reader.read()

    peer = Peer(handle)
    return peer


def an_answer(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def call(
    peer: Peer, policy: OutboundPolicy | None = None, headers: Mapping[str, str] | None = None
) -> OutboundResponse:
    async with OutboundClient(policy or a_policy()) as client:
        return await client.request("POST", peer.url, headers or {}, b'{"lead":1}')
