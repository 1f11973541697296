"""The outbound client against peers that are slow, endless, malformed or gone."""

import asyncio
import gzip
import socket
import struct
import zlib

import pytest

from services.chassis.outbound.client import (
    ConnectFailed,
    OutboundClient,
    OutboundTimedOut,
    ResponseTooLarge,
)
from tests.unit.chassis.outbound.peers import (
    Peer,
    Reader,
    Writer,
    a_policy,
    an_answer,
    answering,
    call,
    serving,
    then_hanging,
)


async def test_slow_headers_time_out_with_an_unknown_outcome() -> None:
    async with serving(then_hanging(b"HTTP/1.1 200 OK\r\nX-")) as peer:
        with pytest.raises(OutboundTimedOut, match="did not answer in time") as failed:
            await call(peer, a_policy(total_seconds_max=0.2))
    assert failed.value.reached is True
    assert failed.value.status is None
    assert peer.requests


async def test_a_slow_body_times_out_and_tells_the_status_it_began_with() -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"
    async with serving(then_hanging(start)) as peer:
        with pytest.raises(OutboundTimedOut) as failed:
            await call(peer, a_policy(total_seconds_max=0.2))
    assert failed.value.reached is True
    assert failed.value.status == 200


async def test_an_endless_trickle_of_interim_answers_times_out() -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        while not reader.at_eof():
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(Peer(handle)) as peer:
        with pytest.raises(OutboundTimedOut) as failed:
            await call(peer, a_policy(total_seconds_max=0.2))
    assert failed.value.reached is True


async def test_a_gzip_bomb_is_cut_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, compresslevel=9)
    async with serving(answering(an_answer(bomb, "Content-Encoding: gzip"))) as peer:
        response = await call(peer, a_policy(response_bytes_max=1000))
    assert response.status == 200
    assert response.body_excerpt == b"\0" * 1000
    assert response.truncated


async def test_packed_data_that_never_unpack_to_anything_are_cut_too() -> None:
    # An empty stored block, flushed: five bytes of deflate that stand for none, for ever.
    packer = zlib.compressobj(wbits=31)
    nothing = packer.flush(zlib.Z_SYNC_FLUSH) + b"\x00\x00\x00\xff\xff" * 100_000
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    async with serving(then_hanging(head, nothing)) as peer:
        response = await call(peer, a_policy(response_bytes_max=1000, total_seconds_max=5))
    assert (response.status, response.body_excerpt, response.truncated) == (200, b"", True)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"refused: duplicate")),
        ("X-GZip", gzip.compress(b"refused: duplicate")),
        ("deflate", zlib.compress(b"refused: duplicate")),
        ("identity", b"refused: duplicate"),
        ("gzip", gzip.compress(b"refused: duplicate") + b"trailing"),
    ],
)
async def test_a_packed_body_is_unpacked(encoding: str, packed: bytes) -> None:
    answer = an_answer(packed, f"Content-Encoding: {encoding}", status="409 Conflict")
    async with serving(answering(answer)) as peer:
        response = await call(peer)
    assert (response.body_excerpt, response.truncated) == (b"refused: duplicate", False)


@pytest.mark.parametrize("packed", [b"not gzip at all", gzip.compress(b"cut off" * 99)[:-20]])
async def test_a_body_that_does_not_unpack_costs_no_status(packed: bytes) -> None:
    async with serving(answering(an_answer(packed, "Content-Encoding: gzip"))) as peer:
        response = await call(peer)
    assert response.status == 200
    assert response.truncated


async def test_an_unknown_encoding_is_kept_as_it_came() -> None:
    async with serving(answering(an_answer(b"\x0b\x02", "Content-Encoding: br"))) as peer:
        response = await call(peer)
    assert (response.status, response.body_excerpt) == (200, b"\x0b\x02")


@pytest.mark.parametrize(("size", "truncated"), [(999, False), (1000, False), (1001, True)])
async def test_a_body_is_kept_up_to_the_limit(size: int, truncated: bool) -> None:
    async with serving(answering(an_answer(b"x" * size))) as peer:
        response = await call(peer, a_policy(response_bytes_max=1000))
    assert response.body_excerpt == b"x" * min(size, 1000)
    assert response.truncated is truncated


async def test_an_endless_body_is_not_read_to_the_end() -> None:
    hung_up = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        await peer.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            hung_up.set()

    async with serving(Peer(handle)) as peer:
        response = await call(peer, a_policy(response_bytes_max=1000))
        await asyncio.wait_for(hung_up.wait(), 5)
    assert response.truncated


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Long: " + "x" * 10_000],
        [f"X-{number}: 1" for number in range(200)],
        [f"X-{number}: " + "x" * 4000 for number in range(20)],
    ],
    ids=["one too long", "too many", "too many bytes"],
)
async def test_oversized_headers_are_refused(headers: list[str]) -> None:
    async with serving(answering(an_answer(b"", *headers))) as peer:
        with pytest.raises(ResponseTooLarge, match="headers") as failed:
            await call(peer)
    assert failed.value.reached is True


async def test_header_bytes_that_are_no_text_are_replaced() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Odd: \xff\r\n\r\n"
    async with serving(answering(answer)) as peer:
        assert (await call(peer)).headers["x-odd"] == "\ufffd"


async def test_an_answer_that_is_not_http_is_a_failure_that_reached_the_peer() -> None:
    async with serving(answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")) as peer:
        with pytest.raises(ConnectFailed) as failed:
            await call(peer)
    assert failed.value.reached is True


def reset(writer: Writer) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_a_reset_after_the_request_is_an_unknown_outcome() -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await peer.read_request(reader)
        reset(writer)

    async with serving(Peer(handle)) as peer:
        with pytest.raises(ConnectFailed, match="broke before") as failed:
            await call(peer)
    assert failed.value.reached is True
    assert len(peer.requests) == 1, "a POST is sent once"


async def test_an_answer_cut_off_is_no_answer_but_its_status_is_told() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbeg")) as peer:
        with pytest.raises(ConnectFailed) as failed:
            await call(peer)
    assert failed.value.reached is True
    assert failed.value.status == 200


async def test_a_post_is_not_sent_again_when_a_kept_connection_turns_out_closed() -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        await peer.read_request(reader)
        writer.write(an_answer())
        await writer.drain()
        await peer.read_request(reader)

    async with serving(Peer(handle)) as peer, OutboundClient(a_policy()) as client:
        await client.request("POST", peer.url, {}, b"1")
        with pytest.raises(ConnectFailed) as failed:
            await client.request("POST", peer.url, {}, b"2")
    assert failed.value.reached is True
    assert peer.connections == 1
    assert len(peer.requests) == 2


async def test_a_refused_connection_did_not_reach_the_peer() -> None:
    async with serving(answering(an_answer())) as peer:
        pass
    with pytest.raises(ConnectFailed, match="No connection to 127") as failed:
        await call(peer)
    assert failed.value.reached is False


async def test_a_connect_that_hangs_did_not_reach_the_peer() -> None:
    # A listener with a full backlog leaves further connections without an answer.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            peer = Peer(answering().handler)
            peer.port = address[1]
            with pytest.raises(
                OutboundTimedOut, match="could not be connected to in time"
            ) as failed:
                await call(peer, a_policy(connect_seconds_max=0.2))
        finally:
            for filler in fillers:
                filler.close()
    assert failed.value.reached is False


async def test_messages_name_the_host_and_hide_path_and_query() -> None:
    async with serving(then_hanging(b"")) as peer:
        with pytest.raises(OutboundTimedOut) as failed:
            await call(peer, a_policy(total_seconds_max=0.1))
    assert "127.0.0.1" in str(failed.value)
    assert "secret" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


# Names
