"""The fault proxy: each fault as the client of a real server meets it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from sandbox.fault_proxy import CutAfter, FaultProxy, HalfOpen, Latency, Refuse, Reset

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[FaultProxy], Awaitable[Client]]


class EchoServer:
    """Answers each line in capitals and remembers it."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.lines.put_nowait(line)
                writer.write(line.upper())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[EchoServer]:
    echo = EchoServer()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    async with server:
        yield echo


@pytest.fixture
async def proxy(echo: EchoServer) -> AsyncIterator[FaultProxy]:
    async with FaultProxy("127.0.0.1", echo.port) as proxy:
        yield proxy


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connects to a proxy; the end of the test ends the connections."""
    async with AsyncExitStack() as ends:

        async def end(writer: asyncio.StreamWriter) -> None:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

        async def connect(proxy: FaultProxy) -> Client:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            ends.push_async_callback(end, writer)
            return reader, writer

        yield connect


async def ask(client: Client, text: bytes = b"hello\n") -> bytes:
    reader, writer = client
    writer.write(text)
    await writer.drain()
    async with asyncio.timeout(5):
        return await reader.readline()


async def test_without_a_fault_bytes_pass_both_ways(connect: Connect, proxy: FaultProxy) -> None:
    client = await connect(proxy)
    assert await ask(client) == b"HELLO\n"


async def test_the_end_of_the_clients_bytes_reaches_the_target(
    connect: Connect, proxy: FaultProxy
) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"last\n")
    writer.write_eof()
    assert await reader.read() == b"LAST\n"


async def test_reset_hits_open_and_new_connections_and_healing_ends_it(
    connect: Connect, proxy: FaultProxy
) -> None:
    client = await connect(proxy)
    assert await ask(client) == b"HELLO\n"
    proxy.fault = Reset()
    with pytest.raises(ConnectionResetError):
        await client[0].readline()
    late = await connect(proxy)
    with pytest.raises(ConnectionResetError):
        await late[0].readline()
    proxy.fault = None
    healed = await connect(proxy)
    assert await ask(healed) == b"HELLO\n"


async def test_half_open_keeps_bytes_back_until_it_is_healed(
    connect: Connect, proxy: FaultProxy, echo: EchoServer
) -> None:
    client = await connect(proxy)
    assert await ask(client) == b"HELLO\n"
    await echo.lines.get()
    proxy.fault = HalfOpen()
    answer = asyncio.create_task(ask(client, b"wait\n"))
    late = asyncio.create_task(ask(await connect(proxy), b"late\n"))
    done, _ = await asyncio.wait({answer, late}, timeout=0.05)
    assert not done
    assert echo.lines.empty()
    proxy.fault = None
    assert [await answer, await late] == [b"WAIT\n", b"LATE\n"]


async def test_cut_lets_so_many_bytes_through_and_the_target_has_the_request(
    connect: Connect, proxy: FaultProxy, echo: EchoServer
) -> None:
    client = await connect(proxy)
    proxy.fault = CutAfter(to_client_bytes=3)
    assert await ask(client, b"commit\n") == b"COM"
    assert await echo.lines.get() == b"commit\n"
    assert client[0].at_eof()


async def test_cut_counts_anew_on_each_connection(connect: Connect, proxy: FaultProxy) -> None:
    proxy.fault = CutAfter(to_client_bytes=8)
    for _ in range(2):
        client = await connect(proxy)
        assert await ask(client) == b"HELLO\n"
        assert await ask(client) == b"HE"


async def test_refuse_leaves_open_connections_and_keeps_the_port(
    connect: Connect, proxy: FaultProxy
) -> None:
    client = await connect(proxy)
    assert await ask(client) == b"HELLO\n"
    port = proxy.port
    proxy.fault = Refuse()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    assert await ask(client) == b"HELLO\n"
    proxy.fault = None
    assert proxy.port == port
    assert await ask(await connect(proxy)) == b"HELLO\n"


async def test_latency_delays_each_way(connect: Connect, proxy: FaultProxy) -> None:
    client = await connect(proxy)
    assert await ask(client) == b"HELLO\n"
    proxy.fault = Latency(seconds=0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await ask(client) == b"HELLO\n"
    assert loop.time() - began >= 0.1


async def test_a_target_that_is_away_resets_the_client(connect: Connect) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with FaultProxy("127.0.0.1", port) as proxy:
        reader, _ = await connect(proxy)
        with pytest.raises(ConnectionResetError):
            await reader.readline()
