"""The outbound client against real servers on loopback: what it sends, and what it follows."""

import pytest

from services.chassis.outbound.client import (
    OutboundClient,
    OutboundResponse,
)
from tests.unit.chassis.outbound.peers import a_policy, an_answer, answering, call, serving


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
