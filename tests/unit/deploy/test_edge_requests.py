"""Requests at the edge as clients of all sorts write them: HTTP/1.0, HEAD, odd headers."""

import stat
from typing import Any
from uuid import UUID

import pytest

from services.scheduling.feed_secrets import new_secret
from tests.unit.deploy.edge_world import Edge, Ingest, Shop, logged, sent, sent_twice

ORG = UUID(int=1)


def bearer(edge: Edge, scheme: str = "Bearer") -> str:
    """The header line of a good token."""
    return f"authorization: {scheme} {edge.token}"


# HTTP/1.0 and HEAD


async def test_http_1_0_is_served_for_health_json_and_webhooks(
    edge: Edge, shop: Shop, ingest: Ingest
) -> None:
    health = await sent(edge, "GET /api/health HTTP/1.0")
    assert (health.status, health.json) == (200, {"status": "ready"})
    lead = await sent(edge, "GET /api/leads/L7 HTTP/1.0", bearer(edge))
    assert (lead.status, lead.json["leadId"]) == (200, "L7")
    body = '{"name": "x"}'
    posted = await sent(
        edge,
        "POST /api/leads HTTP/1.0",
        bearer(edge),
        "content-type: application/json",
        f"content-length: {len(body)}",
        body=body.encode(),
    )
    assert (posted.status, posted.json["name"]) == (200, "x")
    webhook = await sent(edge, "POST /webhooks/meta HTTP/1.0", "content-length: 2", body=b"{}")
    assert (webhook.status, webhook.body) == (200, b"EVENT_RECEIVED")
    assert ingest.received[0][3] == b"{}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/leads/L7", 200),
        ("/api/health", 200),
        ("/webhooks/meta", 200),
        ("/api/shoes", 404),
    ],
)
async def test_head_answers_as_get_does_without_the_body(
    edge: Edge, shop: Shop, ingest: Ingest, path: str, status: int
) -> None:
    got = await edge("GET", path)
    # On one connection: a byte too many would be taken for the answer to the second.
    first, second = await sent_twice(edge, f"HEAD {path} HTTP/1.1", "host: edge", bearer(edge))
    for answer in (first, second):
        assert (answer.status, answer.body) == (status, b"")
        assert answer.headers["content-type"] == got.headers["content-type"]
        assert answer.headers["content-length"] == str(len(got.body))
    assert got.status == status


async def test_the_head_of_a_large_answer_has_its_length(edge: Edge, shop: Shop) -> None:
    async def large(*_: Any) -> Any:
        return shop.compiled.messages.Lead(full_name="x" * 3_000_000)

    shop.behave = large
    answer = await edge("HEAD", "/api/leads/L7")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 3_000_000


async def test_head_stands_in_the_log_as_head(edge: Edge, shop: Shop) -> None:
    answer = await edge("HEAD", "/api/leads/L7")
    line = await logged(edge, answer.headers["x-request-id"])
    assert (line["method"], line["path"], line["status"]) == ("HEAD", "/api/leads/L7", 200)


# Headers


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer ", "bEARER"])
async def test_the_scheme_of_a_token_may_be_written_in_any_case(
    edge: Edge, shop: Shop, scheme: str
) -> None:
    answer = await sent(edge, "GET /api/leads/L7 HTTP/1.1", "host: edge", bearer(edge, scheme))
    assert answer.status == 200
    assert shop.calls[0][1]["authorization"] == f"Bearer {edge.token}"


async def test_another_scheme_is_401(edge: Edge, shop: Shop) -> None:
    answer = await sent(edge, "GET /api/leads/L7 HTTP/1.1", "host: edge", bearer(edge, "Basic"))
    assert (answer.status, shop.calls) == (401, [])


@pytest.mark.parametrize("path", ["/api/leads/L7", "/api/health", "/webhooks/meta"])
async def test_two_hosts_are_400(edge: Edge, shop: Shop, ingest: Ingest, path: str) -> None:
    answer = await sent(edge, f"GET {path} HTTP/1.1", "host: a", "host: b", bearer(edge))
    assert (answer.status, shop.calls, ingest.received) == (400, [], [])
    assert answer.json == {
        "code": 3,
        "message": "The request names more than one Host.",
        "details": [],
    }


async def test_a_request_without_host_is_400_and_says_so(edge: Edge, shop: Shop) -> None:
    answer = await sent(edge, "GET /api/leads/L7 HTTP/1.1", bearer(edge))
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json["message"] == "The request has no Host header."


@pytest.mark.parametrize("value", ["!!!", "QUI=,QUJD", "A", "QUF", "QR==", "QUJD===", "Q=I="])
async def test_a_binary_header_that_is_not_base64_is_400(
    edge: Edge, shop: Shop, value: str
) -> None:
    answer = await edge("GET", "/api/leads/L7", headers={"x-note-bin": value})
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json["message"] == "The header x-note-bin is not base64."


@pytest.mark.parametrize("value", ["", "QUJD", "QUI", "QUI=", "QQ", "QQ==", "+/+/"])
async def test_a_binary_header_that_a_service_can_decode_passes(
    edge: Edge, shop: Shop, value: str
) -> None:
    # A name of its own: gRPC remembers what it could not decode under a name.
    name = f"x-{value.lower().replace('=', '.').replace('/', '-').replace('+', '_')}-bin"
    answer = await edge("GET", "/api/leads/L7", headers={name: value})
    assert (answer.status, len(shop.calls)) == (200, 1), answer.body


@pytest.mark.parametrize(
    "name",
    [
        "grpc-encoding",
        "grpc-status",
        "grpc-previous-rpc-attempts",
        "grpc-internal-encoding-request",
    ],
)
async def test_a_header_of_grpc_in_a_json_call_is_400(edge: Edge, shop: Shop, name: str) -> None:
    answer = await edge("GET", "/api/leads/L7", headers={name: "bogus"})
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json["message"] == f"The header {name} is of gRPC calls only."


@pytest.mark.parametrize(
    "headers",
    [
        {"x-note": "a" * 16_384},
        {"x-note": "a" * 50_000},
        {f"x-{number}": "a" * 140 for number in range(110)},
        {f"x-{number}": "a" for number in range(250)},
    ],
    ids=["16 kB", "50 kB", "110 headers", "250 headers"],
)
async def test_headers_beyond_the_limit_are_431(
    edge: Edge, shop: Shop, headers: dict[str, str]
) -> None:
    answer = await edge("GET", "/api/leads/L7", headers=headers)
    assert (answer.status, shop.calls) == (431, [])
    assert answer.json == {
        "code": 3,
        "message": "The headers are too large or too many.",
        "details": [],
    }


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/leads/L7", {"x-note": "a" * 15_500}),
        ("/api/leads/" + "a" * 15_500, {}),
        ("/api/leads/L7", {f"x-{number}": "a" * 160 for number in range(85)}),
    ],
    ids=["one header", "path", "many headers"],
)
async def test_headers_within_the_edges_limit_are_within_the_services(
    edge: Edge, shop: Shop, path: str, headers: dict[str, str]
) -> None:
    # Above its softer limit gRPC refuses by chance, so more than once.
    for count in range(1, 6):
        answer = await edge("GET", path, headers=headers)
        assert (answer.status, len(shop.calls)) == (200, count), answer.body


@pytest.mark.parametrize("scheme", ["HTTP/1.1", "HTTP/1.0"])
async def test_what_is_not_http_is_400_and_nothing_of_it_comes_back(
    edge: Edge, scheme: str
) -> None:
    for line in (f"SE(RET /api/leads {scheme}", "SECRET", f"GET /SECRET\xff {scheme}"):
        answer = await sent(edge, line, "host: edge", "x-note: SECRET\x01")
        assert (answer.status, answer.json["code"]) == (400, 3)
        assert b"SECRET" not in answer.body


# What is logged of a path


@pytest.mark.parametrize(
    ("template", "logged_path"),
    [
        ("/calendars/{secret}/calendar.ics", "/calendars/…"),
        ("/Calendars/{secret}/calendar.ics", "/Calendars/…"),
        ("/calendar/{secret}", "/calendar/…"),
        ("//calendars//{secret}.ics", "/calendars/…"),
        ("/api/calendars/{secret}/feed?x={secret}", "/api/calendars/…"),
        ("/{secret}", "/…"),
        ("/x;{secret}", "/…"),
        ("/x?{secret}", "/x"),
        ("/%63alendars/{secret}/calendar.ics", "/calendars/…"),
    ],
)
async def test_the_secret_of_a_feed_is_not_logged_wherever_it_stands(
    edge: Edge, template: str, logged_path: str
) -> None:
    secret = new_secret(ORG, ORG).text
    answer = await edge("GET", template.format(secret=secret), token=None)
    line = await logged(edge, answer.headers["x-request-id"])
    assert line["path"] == logged_path
    assert secret not in edge.config.access_log.read_text()


async def test_the_admin_interface_is_a_socket_that_others_may_not_open(edge: Edge) -> None:
    mode = edge.config.admin_socket.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
