"""The outbound client against real servers on loopback that behave as badly as peers do."""

import asyncio
import gzip
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.chassis.outbound.client import (
    ConnectFailed,
    OutboundClient,
    OutboundPolicy,
    OutboundResponse,
    RefusedBecause,
    ResponseTooLarge,
    TimedOut,
    UrlRefused,
)
from services.chassis.outbound.policy import CheckedUrl
from services.chassis.outbound.session import CALLING, _VettingSockets

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


async def test_a_request_arrives_as_given_and_its_answer_comes_back() -> None:
    answer = an_answer(b"thanks", "X-One: 1", "x-two: a", "X-Two: b", status="202 Accepted")
    async with serving(answering(answer)) as peer:
        response = await call(
            peer, headers={"Content-Type": "application/json", "webhook-id": "msg_1"}
        )
    assert response == OutboundResponse(
        status=202,
        headers={"content-length": "6", "x-one": "1", "x-two": "a, b"},
        body_excerpt=b"thanks",
        truncated=False,
    )
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"lead":1}'
    assert head.split(b"\r\n")[0] == b"POST /hook?token=secret HTTP/1.1"
    assert {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]} == {
        b"host",
        b"user-agent",
        b"accept",
        b"accept-encoding",
        b"content-type",
        b"webhook-id",
        b"content-length",
    }


async def test_baggage_cookies_and_framing_headers_of_the_caller_are_not_sent() -> None:
    async with serving(answering(an_answer())) as peer:
        await call(
            peer,
            headers={
                "Baggage": "a=1",
                "Cookie": "a=1",
                "Host": "evil",
                "Transfer-Encoding": "chunked",
            },
        )
    head = peer.requests[0].lower()
    assert b"baggage" not in head
    assert b"cookie" not in head
    assert b"evil" not in head
    assert b"transfer-encoding" not in head


async def test_cookies_are_not_kept() -> None:
    async with (
        serving(answering(an_answer(b"", "Set-Cookie: session=1; Path=/"), keep=True)) as peer,
        OutboundClient(a_policy()) as client,
    ):
        for _ in range(2):
            await client.request("POST", peer.url, {}, b"")
    assert b"cookie" not in peer.requests[1].lower()


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(an_answer(b"proxy"))) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with serving(answering(an_answer(b"peer"))) as peer:
            assert (await call(peer)).body_excerpt == b"peer"
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("method", "headers"),
    [("TRACE", {}), ("post", {}), ("POST", {"a b": "c"}), ("POST", {"a": "b\r\nc: d"})],
)
async def test_what_is_not_http_is_not_sent(method: str, headers: dict[str, str]) -> None:
    async with serving(answering(an_answer())) as peer, OutboundClient(a_policy()) as client:
        with pytest.raises(ValueError, match=r"method|header"):
            await client.request(method, peer.url, headers, b"")
    assert peer.connections == 0


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
async def test_a_redirect_is_an_answer_and_not_followed(status: str) -> None:
    async with serving(answering(an_answer())) as elsewhere:
        redirect = an_answer(b"", f"Location: {elsewhere.url}", status=status)
        async with serving(answering(redirect)) as peer:
            response = await call(peer)
    assert response.status == int(status[:3])
    assert response.headers["location"] == elsewhere.url
    assert elsewhere.connections == 0


async def test_slow_headers_time_out_with_an_unknown_outcome() -> None:
    async with serving(then_hanging(b"HTTP/1.1 200 OK\r\nX-")) as peer:
        with pytest.raises(TimedOut, match="did not answer in time") as failed:
            await call(peer, a_policy(total_seconds_max=0.2))
    assert failed.value.reached is True
    assert failed.value.status is None
    assert peer.requests


async def test_a_slow_body_times_out_and_tells_the_status_it_began_with() -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"
    async with serving(then_hanging(start)) as peer:
        with pytest.raises(TimedOut) as failed:
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
        with pytest.raises(TimedOut) as failed:
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
            with pytest.raises(TimedOut, match="could not be connected to in time") as failed:
                await call(peer, a_policy(connect_seconds_max=0.2))
        finally:
            for filler in fillers:
                filler.close()
    assert failed.value.reached is False


async def test_messages_name_the_host_and_hide_path_and_query() -> None:
    async with serving(then_hanging(b"")) as peer:
        with pytest.raises(TimedOut) as failed:
            await call(peer, a_policy(total_seconds_max=0.1))
    assert "127.0.0.1" in str(failed.value)
    assert "secret" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


# Names


def named(peer: Peer) -> str:
    return f"http://buyer.test:{peer.port}/hook"


async def test_the_host_name_is_kept_while_the_vetted_address_is_connected_to() -> None:
    names = Names(["127.0.0.1"])
    async with (
        serving(answering(an_answer())) as peer,
        OutboundClient(a_policy(), lookup=names) as client,
    ):
        await client.request("POST", named(peer), {}, b"")
    assert names.asked == ["buyer.test"]
    assert f"\r\nhost: buyer.test:{peer.port}\r\n".encode() in peer.requests[0].lower()


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "10.0.0.1"],
        ["10.0.0.1", "127.0.0.1"],
        ["127.0.0.1", "::1"],
        ["127.0.0.1", "::ffff:127.0.0.1"],
        ["127.0.0.1", "fe80::1%eth0"],
        ["127.0.0.1", "8.8.8.8"],
    ],
)
async def test_one_bad_address_refuses_the_name(addresses: list[str]) -> None:
    async with (
        serving(answering(an_answer())) as peer,
        OutboundClient(a_policy(), lookup=Names(addresses)) as client,
    ):
        with pytest.raises(UrlRefused, match=r"buyer\.test") as refused:
            await client.request("POST", named(peer), {}, b"")
    # 8.8.8.8 is public, but only an exempt network may be called on any port.
    expected = RefusedBecause.PORT if "8.8.8.8" in addresses else RefusedBecause.ADDRESS
    assert refused.value.reason is expected
    assert refused.value.reached is False
    assert peer.connections == 0


async def test_a_name_that_changes_its_address_is_vetted_anew_on_each_connection() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with (
        serving(answering(an_answer())) as peer,
        OutboundClient(a_policy(keepalive_seconds=0), lookup=names) as client,
    ):
        assert (await client.request("POST", named(peer), {}, b"")).status == 200
        with pytest.raises(UrlRefused):
            await client.request("POST", named(peer), {}, b"")
    assert names.asked == ["buyer.test", "buyer.test"]
    assert peer.connections == 1


async def test_a_kept_connection_is_used_again_without_asking_for_the_name() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with (
        serving(answering(an_answer(), keep=True)) as peer,
        OutboundClient(a_policy(), lookup=names) as client,
    ):
        for _ in range(3):
            assert (await client.request("POST", named(peer), {}, b"")).status == 200
    assert names.asked == ["buyer.test"]
    assert peer.connections == 1


async def test_a_name_without_address_did_not_reach_the_peer() -> None:
    async def unknown(_: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for lookup in (unknown, Names([])):
        async with OutboundClient(a_policy(), lookup=lookup) as client:
            with pytest.raises(ConnectFailed, match="has no address") as failed:
                await client.request("POST", "http://buyer.test/", {}, b"")
        assert failed.value.reached is False


async def test_a_name_server_that_hangs_did_not_reach_the_peer() -> None:
    async def hang(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with OutboundClient(a_policy(dns_seconds_max=0.05), lookup=hang) as client:
        with pytest.raises(TimedOut, match="not resolved in time") as failed:
            await client.request("POST", "http://buyer.test/", {}, b"")
    assert failed.value.reached is False


async def test_the_systems_names_are_vetted_too() -> None:
    policy = OutboundPolicy(http_hosts=frozenset({"localhost"}))
    async with OutboundClient(policy) as client:
        with pytest.raises(UrlRefused, match="loopback") as refused:
            await client.request("GET", "http://localhost/", {}, b"")
    assert refused.value.reason is RefusedBecause.ADDRESS


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"])
def test_no_socket_is_opened_for_a_bad_address_whoever_asks(address: str) -> None:
    token = CALLING.set(CheckedUrl(scheme="https", host="buyer.test", port=443, target="/"))
    try:
        with pytest.raises(UrlRefused):
            _VettingSockets(a_policy())((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)))
    finally:
        CALLING.reset(token)


# TLS


def a_certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate and its key for the host, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{host}.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return pem


def server_tls(pem: Path, seen: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _, name, __: seen.append(name)
    return context


async def test_tls_is_verified_for_the_name_and_not_the_address(tmp_path: Path) -> None:
    pem = a_certificate(tmp_path, "buyer.test")
    seen: list[str | None] = []
    async with (
        serving(answering(an_answer()), server_tls(pem, seen)) as peer,
        OutboundClient(
            a_policy(),
            lookup=Names(["127.0.0.1"]),
            tls=ssl.create_default_context(cafile=str(pem)),
        ) as client,
    ):
        url = f"https://buyer.test:{peer.port}/"
        assert (await client.request("POST", url, {}, b"")).status == 200
    assert seen == ["buyer.test"]


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_wrong_or_untrusted_certificate_ends_the_call_before_the_request(
    tmp_path: Path, trusted: bool
) -> None:
    pem = a_certificate(tmp_path, "other.test" if trusted else "buyer.test")
    tls = ssl.create_default_context(cafile=str(pem) if trusted else None)
    async with (
        serving(answering(an_answer()), server_tls(pem, [])) as peer,
        OutboundClient(a_policy(), lookup=Names(["127.0.0.1"]), tls=tls) as client,
    ):
        with pytest.raises(ConnectFailed, match="certificate of buyer") as failed:
            await client.request("POST", f"https://buyer.test:{peer.port}/", {}, b"")
    assert failed.value.reached is False
    assert peer.requests == []


async def test_a_peer_that_never_finishes_its_tls_handshake_is_not_waited_for() -> None:
    async def handle(reader: Reader, _: Writer) -> None:
        await reader.read()

    async with (
        serving(Peer(handle)) as peer,
        OutboundClient(a_policy(connect_seconds_max=0.2), lookup=Names(["127.0.0.1"])) as client,
    ):
        with pytest.raises(TimedOut) as failed:
            await client.request("POST", f"https://buyer.test:{peer.port}/", {}, b"")
    assert failed.value.reached is False
