"""The load generator against a server that answers as it is set to."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bench.http_load import http_load, request
from bench.open_loop import Schedule

Answer = Callable[[bytes], bytes | None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """A port where each request (a body of four bytes) gets an answer; None hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                content = answer(await reader.readexactly(4))
                if content is None:
                    return
                # In two pieces: a head may end anywhere.
                writer.write(content[:20])
                await writer.drain()
                writer.write(content[20:])
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def contents(count: int) -> list[bytes]:
    """Requests with bodies 0000, 0001, …"""
    return [request("POST", "/", f"{number:04d}".encode(), {}) for number in range(count)]


async def test_every_request_gets_its_own_answer() -> None:
    def echo(body: bytes) -> bytes:
        return b"HTTP/1.1 201 Created\r\nX: y\r\ncontent-length: 4\r\n\r\n" + body

    async with server(echo) as port, http_load(port, connections=3) as load:
        samples = await load.at_rate(Schedule(rate=500, seconds=0.1), contents(50))
    assert [sample.body for sample in samples] == [f"{n:04d}".encode() for n in range(50)]
    assert {sample.status for sample in samples} == {201}
    assert all(0 < sample.seconds < 5 for sample in samples)


async def test_full_speed_ends_when_all_are_sent() -> None:
    async with server(lambda _: OK) as port, http_load(port, connections=4) as load:
        samples, seconds = await load.at_full_speed(contents(40), seconds_max=5)
    assert [sample.status for sample in samples] == [200] * 40
    assert 0 < seconds < 5


async def test_full_speed_ends_when_its_time_is_over() -> None:
    async with server(lambda _: OK) as port, http_load(port, connections=4) as load:
        samples, _ = await load.at_full_speed(contents(1_000), seconds_max=0)
    assert len(samples) <= 4


async def test_a_request_that_is_never_answered_is_as_late_as_can_be() -> None:
    def hang_up_on_the_third(body: bytes) -> bytes | None:
        return None if body == b"0002" else OK

    async with server(hang_up_on_the_third) as port, http_load(port, connections=2) as load:
        samples = await load.at_rate(
            Schedule(rate=500, seconds=0.02), contents(10), drain_seconds=5
        )
    by_number = {sample.number: sample for sample in samples}
    assert by_number[2].status == 0
    assert by_number[2].seconds == math.inf
    assert sum(sample.status == 200 for sample in samples) == 9
