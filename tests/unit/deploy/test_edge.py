"""The edge: a real Envoy between a real client and real servers."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api import annotations_pb2
from google.protobuf import any_pb2, descriptor_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from deploy.edge.body_check import body_check_source
from deploy.edge.bootstrap import bootstrap
from deploy.edge.config import Address, EdgeConfig, TlsFiles
from deploy.edge.descriptors import with_error_details
from deploy.edge.envoy import Admin, drain
from deploy.local.ports import free_port
from deploy.local.processes import Supervisor
from services.chassis.errors import DomainError
from services.chassis.rpc.edge import EDGE_MARK, FROM_JSON, came_as_json, came_from_outside
from services.chassis.rpc.gate import abort
from services.chassis.rpc.interceptors import TRACE_ID_KEY
from services.chassis.rpc.json_names import in_json_names
from services.scheduling.edge.fields import SchedulingFields
from services.scheduling.edge.parsing import parse_hours
from tests.unit.deploy.edge_world import (
    AUDIENCE,
    ISSUER,
    TRACEPARENT,
    Compiled,
    Edge,
    Ingest,
    Keys,
    Shop,
    a_certificate,
    elsewhere,
    logged,
    sent,
    shop_with_tls,
    started,
)
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

# JSON and gRPC


async def test_a_path_and_query_become_a_request_and_its_answer_json(
    edge: Edge, shop: Shop
) -> None:
    answer = await edge("GET", "/api/leads/L7?page_size=5")
    assert answer.status == 200
    assert answer.json == {
        "leadId": "L7",
        "name": "",
        "attemptCount": 0,
        "big": "0",
        "tags": [],
    }
    ((request, _, _),) = shop.calls
    assert (request.lead_id, request.page_size) == ("L7", 5)


async def test_a_body_with_json_names_becomes_a_request(edge: Edge, shop: Shop) -> None:
    answer = await edge("POST", "/api/leads", json={"name": "Änne", "note": "1"})
    assert (answer.status, answer.json["name"]) == (200, "Änne")
    assert shop.calls[0][0].full_name == "Änne"


async def test_grpc_passes_through_by_package(edge: Edge, shop: Shop) -> None:
    target = f"127.0.0.1:{edge.config.listen.port}"
    async with grpc.aio.insecure_channel(target) as channel:
        stub = shop.compiled.services.ShopServiceStub(channel)
        request = shop.compiled.messages.GetLeadRequest(lead_id="L9")
        metadata = (("authorization", f"Bearer {edge.token}"), (EDGE_MARK, FROM_JSON))
        lead = await stub.GetLead(request, metadata=metadata, timeout=5)
        assert lead.lead_id == "L9"
        # Whatever the caller says of itself.
        assert came_from_outside(shop.calls[0][1])
        assert not came_as_json(shop.calls[0][1])
        # gRPC rounds up what it sends.
        assert 0 < (shop.calls[0][2] or 0) < 6


async def test_a_grpc_client_that_knows_several_addresses_is_served(edge: Edge, shop: Shop) -> None:
    address = f"127.0.0.1:{edge.config.listen.port}"
    async with grpc.aio.insecure_channel(f"ipv4:{address},{address}") as channel:
        stub = shop.compiled.services.ShopServiceStub(channel)
        request = shop.compiled.messages.GetLeadRequest(lead_id="L9")
        metadata = (("authorization", f"Bearer {edge.token}"),)
        assert (await stub.GetLead(request, metadata=metadata, timeout=5)).lead_id == "L9"


async def test_grpc_without_a_deadline_stays_so_and_without_a_token_is_unauthenticated(
    edge: Edge, shop: Shop
) -> None:
    target = f"127.0.0.1:{edge.config.listen.port}"
    async with grpc.aio.insecure_channel(target) as channel:
        stub = shop.compiled.services.ShopServiceStub(channel)
        request = shop.compiled.messages.GetLeadRequest(lead_id="L9")
        await stub.GetLead(request, metadata=(("authorization", f"Bearer {edge.token}"),))
        assert "grpc-timeout" not in shop.calls[0][1]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetLead(request, timeout=5)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert len(shop.calls) == 1


async def test_a_json_call_without_a_deadline_gets_one(edge: Edge, shop: Shop) -> None:
    await edge("GET", "/api/leads/L7")
    remaining = shop.calls[0][2]
    assert remaining is not None
    assert 5 < remaining <= 10


async def test_a_long_call_has_longer_bounds_and_no_other_has(edge: Edge, shop: Shop) -> None:
    await edge("POST", "/api/leads/L7/close")
    target = f"127.0.0.1:{edge.config.listen.port}"
    async with grpc.aio.insecure_channel(target) as channel:
        stub = shop.compiled.services.ShopServiceStub(channel)
        request = shop.compiled.messages.GetLeadRequest(lead_id="L7")
        token = (("authorization", f"Bearer {edge.token}"),)
        await stub.CloseLead(request, metadata=token, timeout=45)
        await stub.GetLead(request, metadata=token, timeout=45)
    remaining = [left or 0 for _, _, left in shop.calls]
    assert [40 < left < 46 for left in remaining[:2]] == [True, True]
    assert remaining[2] < 16


async def test_a_json_call_keeps_the_deadline_it_brings(edge: Edge, shop: Shop) -> None:
    await edge("GET", "/api/leads/L7", headers={"grpc-timeout": "2S"})
    remaining = shop.calls[0][2]
    assert remaining is not None
    assert remaining <= 2


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, 400),
        (grpc.StatusCode.FAILED_PRECONDITION, 400),
        (grpc.StatusCode.UNAUTHENTICATED, 401),
        (grpc.StatusCode.PERMISSION_DENIED, 403),
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.ALREADY_EXISTS, 409),
        (grpc.StatusCode.ABORTED, 409),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.INTERNAL, 500),
        (grpc.StatusCode.UNAVAILABLE, 503),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
    ],
)
async def test_a_grpc_status_becomes_an_http_status_and_a_json_body(
    edge: Edge, shop: Shop, code: grpc.StatusCode, status: int
) -> None:
    async def fail(_: Any, context: Any) -> None:
        await context.abort(code, "what to do about it")

    shop.behave = fail
    answer = await edge("GET", "/api/leads/L7")
    assert answer.status == status
    assert answer.json["code"] == code.value[0]
    assert answer.json["message"] == "what to do about it"
    assert len(shop.calls) == 1


async def test_many_violations_are_400_with_twenty_of_them_and_how_many_more(
    edge: Edge, shop: Shop
) -> None:
    hours = [pb.OpenHours(weekday=9, start_minute=5000, end_minute=1)] * 100
    request = pb.CreateCalendarRequest(name="x", weekly_hours=pb.WeeklyHours(hours=hours))

    async def refuse(_: Any, context: Any) -> None:
        fields = SchedulingFields()
        parse_hours(fields, request)
        try:
            fields.done()
        except DomainError as error:
            await abort(context, in_json_names(error, request))

    shop.behave = refuse
    answer = await edge("POST", "/api/leads", json={"name": "x"})
    assert answer.status == 400
    assert answer.json["code"] == code_pb2.INVALID_ARGUMENT
    assert answer.json["message"].startswith(
        "weeklyHours.hours[0].startMinute: must be from 0 to 1439; "
    )
    assert answer.json["message"].endswith("; and 180 more")
    info, bad_request = answer.json["details"]
    assert (info["reason"], info["metadata"]["omitted"]) == ("INVALID_REQUEST", "180")
    assert len(bad_request["fieldViolations"]) == 20
    last = bad_request["fieldViolations"][19]
    assert last["field"] == "weeklyHours.hours[9].weekday"
    assert last["description"] == "must be from 1 to 7"


async def test_error_details_become_json(edge: Edge, shop: Shop) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="name", description="too long")
    info = error_details_pb2.ErrorInfo(
        reason="NAME_REFUSED", domain="waybill", metadata={"limit": "200"}
    )
    details = [any_pb2.Any(), any_pb2.Any()]
    details[0].Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    details[1].Pack(info)

    async def fail(_: Any, context: Any) -> None:
        status = status_pb2.Status(
            code=code_pb2.INVALID_ARGUMENT, message="2 fields are wrong", details=details
        )
        await context.abort_with_status(rpc_status.to_status(status))

    shop.behave = fail
    answer = await edge("POST", "/api/leads", json={"name": "x"})
    assert answer.status == 400
    assert answer.json == {
        "code": 3,
        "message": "2 fields are wrong",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "name", "description": "too long", "reason": ""}],
            },
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "NAME_REFUSED",
                "domain": "waybill",
                "metadata": {"limit": "200"},
            },
        ],
    }


# What the edge refuses by itself


KNOWN = {
    "name": "x",
    "full_name": "also its proto name",
    "parts": [{"colourName": "red"}, {"colour_name": "blue"}],
    "namedParts": {"any name": {"colourName": "red"}},
    "anything": {"shoe_size": [1, {"deep": None}]},
    "seenTime": "2026-01-01T00:00:00Z",
    "inner": {"inner": {"note": "n"}},
}


@pytest.mark.parametrize("name", list(KNOWN))
async def test_known_fields_pass_at_any_depth(edge: Edge, shop: Shop, name: str) -> None:
    answer = await edge("POST", "/api/leads", json={name: KNOWN[name]})
    assert answer.status == 200, answer.body
    assert len(shop.calls) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"name": "x", "shoe_size": 44}', "shoe_size"),
        ('{"parts": [{"colourName": "red"}, {"shape": 1}]}', "parts[1].shape"),
        ('{"namedParts": {"a": {"shape": 1}}}', "namedParts.a.shape"),
        ('{"inner": {"inner": {"n\\u006ft": 1}}}', "inner.inner.not"),
        ('{"Name": 1}', "Name"),
        ('{"": 1}', ""),
        ('{"\\u00e4": 1}', "ä"),
    ],
)
@pytest.mark.parametrize("path", ["/api/leads", "/api/leads/", "/api/leads?"])
async def test_an_unknown_body_field_is_400(
    edge: Edge, shop: Shop, path: str, body: str, field: str
) -> None:
    answer = await edge(
        "POST", path, data=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json == {"code": 3, "message": f"Unknown field: {field}", "details": []}


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+json"])
async def test_what_counts_as_grpc_is_not_transcoded(
    edge: Edge, shop: Shop, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    await edge("POST", "/api/leads", data=b'{"shoe_size": 44}', headers=headers)
    assert shop.calls == []


async def test_an_escaped_name_of_a_known_field_passes(edge: Edge, shop: Shop) -> None:
    body = rb'{"n\u0061me": "a \" and a \\", "note": "\u00e4 { [ , : "}'
    json_type = {"Content-Type": "application/json"}
    assert (await edge("POST", "/api/leads", data=body, headers=json_type)).status == 200
    assert shop.calls[0][0].note == "ä { [ , : "


async def test_an_unknown_field_below_a_path_variable_is_400(edge: Edge, shop: Shop) -> None:
    assert (await edge("POST", "/api/leads/L1/close", json={"pageSize": 3})).status == 200
    answer = await edge("POST", "/api/leads/L1/close", json={"pages": 3})
    assert (answer.status, answer.json["message"]) == (400, "Unknown field: pages")
    assert len(shop.calls) == 1


async def test_an_unknown_query_parameter_is_400(edge: Edge, shop: Shop) -> None:
    answer = await edge("GET", "/api/leads/L7?shoe_size=44")
    assert (answer.status, answer.json["code"], answer.json["details"]) == (400, 3, [])
    assert shop.calls == []


@pytest.mark.parametrize(
    "body",
    [
        *('{"name": ', "{name: 1}", "{'name': 1}", '{"name": 1,}', "[1 2]", '{"a" 1}', "{} {}"),
        *("tru", '{"name": "\\', "\x00", '{"note": +1}'),
    ],
)
async def test_a_body_that_is_not_json_is_400(edge: Edge, shop: Shop, body: str) -> None:
    answer = await edge(
        "POST", "/api/leads", data=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status, answer.json["code"], answer.json["details"]) == (400, 3, [])
    assert shop.calls == []


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_tokens_of_either_algorithm_pass_and_reach_the_service(
    edge: Edge, shop: Shop, keys: Keys, algorithm: str
) -> None:
    token = keys.token(algorithm)
    assert (await edge("GET", "/api/leads/L7", token=token)).status == 200
    assert shop.calls[0][1]["authorization"] == f"Bearer {token}"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.test"},
        {"aud": "another-audience"},
        {"exp": 1_500_000_000},
        {"exp": None},
    ],
    ids=["issuer", "audience", "expired", "without-expiry"],
)
async def test_a_token_with_wrong_claims_is_401(
    edge: Edge, shop: Shop, keys: Keys, changes: dict[str, Any]
) -> None:
    answer = await edge("GET", "/api/leads/L7", token=keys.token(**changes))
    assert (answer.status, answer.json["code"], answer.json["details"]) == (401, 16, [])
    assert "Send `authorization: Bearer <token>`" in answer.json["message"]
    assert shop.calls == []


@pytest.mark.parametrize("path", ["/api/leads/a%2Fb", "/api/leads/a%5Cb", "/api/leads/%00"])
async def test_an_odd_path_is_400_and_says_why(edge: Edge, shop: Shop, path: str) -> None:
    answer = await edge("GET", path)
    assert (answer.status, answer.json["code"], shop.calls) == (400, 3, [])
    assert answer.json["message"] == (
        "The path has an escaped slash, backslash or zero character (%2F, %5C, %00)."
    )


@pytest.mark.parametrize("token", ["nonsense", Keys().token()], ids=["nonsense", "foreign-key"])
async def test_a_token_that_is_none_is_401(edge: Edge, shop: Shop, token: str) -> None:
    answer = await edge("GET", "/api/leads/L7", token=token)
    assert (answer.status, answer.json["code"], answer.json["details"]) == (401, 16, [])
    assert token not in answer.body.decode()
    assert shop.calls == []


async def test_without_a_token_everything_but_webhooks_and_health_is_401(
    edge: Edge, shop: Shop
) -> None:
    for path in ("/api/leads/L7", "/", "/api/webhooks", "/webhooksx/a", "/webhooks/../api/leads/1"):
        answer = await sent(edge, f"GET {path} HTTP/1.1", "host: edge")
        assert (answer.status, answer.json["code"]) == (401, 16), path
    assert shop.calls == []


async def test_a_token_in_the_query_string_is_no_token(edge: Edge, shop: Shop) -> None:
    answer = await edge("GET", f"/api/leads/L7?access_token={edge.token}", token=None)
    assert answer.status == 401
    assert shop.calls == []


async def test_an_unknown_path_is_404(edge: Edge) -> None:
    for method, path in (("GET", "/api/shoes"), ("DELETE", "/api/leads/L7"), ("GET", "/")):
        answer = await edge(method, path)
        assert answer.status == 404
        assert answer.json == {
            "code": 5,
            "message": "Nothing is served at this path with this method.",
            "details": [],
        }


async def test_json_cannot_be_sent_to_a_grpc_path(edge: Edge, shop: Shop) -> None:
    forged = {"x-envoy-original-path": "/api/leads"}
    answer = await edge("POST", "/waybill.shop.v1.ShopService/CreateLead", json={}, headers=forged)
    assert answer.status in (404, 415)
    assert shop.calls == []


@pytest.mark.parametrize("path", ["/api/leads", "/webhooks/meta"])
async def test_a_body_above_the_limit_is_413(
    edge: Edge, shop: Shop, ingest: Ingest, path: str
) -> None:
    body = b'{"note":"' + b"x" * (3 * 1024 * 1024) + b'"}'
    answer = await edge(
        "POST", path, data=BytesIO(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 413
    assert answer.json == {"code": 3, "message": "The body is too large.", "details": []}
    assert (shop.calls, ingest.received) == ([], [])


@pytest.mark.parametrize("path", ["/api/leads", "/webhooks/meta"])
async def test_a_body_just_below_the_limit_passes(
    edge: Edge, shop: Shop, ingest: Ingest, path: str
) -> None:
    body = b'{"note":"' + b"x" * (3 * 1024 * 1024 - 100) + b'"}'
    answer = await edge(
        "POST", path, data=BytesIO(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 200
    assert len(shop.calls) + len(ingest.received) == 1


async def test_an_exempt_prefix_takes_more_and_what_is_unknown_below_it_is_404(
    edge: Edge, shop: Shop
) -> None:
    body = b'{"page_size": 1' + b" " * (4 * 1024 * 1024) + b"}"
    json_type = {"Content-Type": "application/json"}
    answer = await edge("POST", "/api/leads/big/close", data=BytesIO(body), headers=json_type)
    assert answer.status == 200
    answer = await edge("POST", "/api/leads/big/other", data=b"{}", headers=json_type)
    assert (answer.status, answer.json["code"]) == (404, 5)


# Webhooks


async def test_a_webhook_passes_untouched_and_needs_no_token(edge: Edge, ingest: Ingest) -> None:
    body = rb'{"object":"page", "a":"\u00e4\/"}' + bytes(range(256))
    headers = {
        "X-Hub-Signature-256": "sha256=AbC",
        "Content-Type": "application/json",
        "traceparent": TRACEPARENT,
        "webhook-id": "msg_1",
    }
    answer = await edge("POST", "/webhooks/meta?x=%2F&y=1", token=None, data=body, headers=headers)
    assert (answer.status, answer.body) == (200, b"EVENT_RECEIVED")
    ((method, path, received, bytes_received),) = ingest.received
    assert (method, path, bytes_received) == ("POST", "/webhooks/meta?x=%2F&y=1", body)
    assert {name.lower(): received[name.lower()] for name in headers} == {
        name.lower(): value for name, value in headers.items()
    }
    assert "grpc-timeout" not in received


@pytest.mark.parametrize("text", ["xx", "", "5", "S", "-1S", "1.5S", "5s", "123456789S", "5S,6S"])
async def test_a_grpc_timeout_that_is_none_is_400(edge: Edge, shop: Shop, text: str) -> None:
    answer = await edge("GET", "/api/leads/L7", headers={"grpc-timeout": text})
    assert (answer.status, shop.calls) == (400, [])
    assert answer.json == {
        "code": 3,
        "message": "The grpc-timeout header is not a timeout, for example 5S.",
        "details": [],
    }


@pytest.mark.parametrize("text", ["1H", "1M", "5000m", "12345678u"])
async def test_every_unit_of_a_grpc_timeout_passes(edge: Edge, shop: Shop, text: str) -> None:
    answer = await edge("GET", "/api/leads/L7", headers={"grpc-timeout": text})
    assert (answer.status, len(shop.calls)) == (200, 1)


@pytest.mark.parametrize("path", ["/api/webhook", "/api/webhooks/whatsapp"])
async def test_the_old_webhook_paths_lead_to_the_new_one(
    edge: Edge, ingest: Ingest, path: str
) -> None:
    answer = await edge("GET", f"{path}?hub.mode=subscribe&hub.challenge=42", token=None)
    assert answer.status == 200
    assert ingest.received[0][1] == "/webhooks/meta?hub.mode=subscribe&hub.challenge=42"


async def test_a_webhook_with_a_grpc_transcoded_path_below_it_is_not_transcoded(
    edge: Edge, ingest: Ingest, shop: Shop
) -> None:
    await edge("POST", "/webhooks/api/leads", token=None, json={"name": "x"})
    assert (len(ingest.received), shop.calls) == (1, [])


# Health, traces, log


async def test_health_is_ready_when_all_are_and_503_when_one_is_not(
    edge: Edge, shop: Shop, ingest: Ingest
) -> None:
    assert (await edge.becomes(200)).json == {"status": "ready"}
    await shop.set_serving(False)
    try:
        answer = await edge.becomes(503)
        assert answer.json == {
            "code": 14,
            "message": "Not every service is ready.",
            "details": [],
        }
        unavailable = await edge("GET", "/api/leads/L7")
        assert (unavailable.status, unavailable.json["code"]) == (503, 14)
        assert "cannot be reached" in unavailable.json["message"]
    finally:
        await shop.set_serving(True)
    await edge.becomes(200)
    ingest.healthy = False
    try:
        await edge.becomes(503)
    finally:
        ingest.healthy = True
    await edge.becomes(200)


async def test_traceparent_reaches_the_service_untouched_and_a_request_id_is_made(
    edge: Edge, shop: Shop
) -> None:
    answer = await edge(
        "GET", "/api/leads/L7", headers={"traceparent": TRACEPARENT, "tracestate": "a=b"}
    )
    metadata = shop.calls[0][1]
    assert (metadata["traceparent"], metadata["tracestate"]) == (TRACEPARENT, "a=b")
    assert metadata["x-request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("forged", ["grpc", "", "1"])
async def test_the_service_is_told_that_a_call_came_as_json_whatever_the_caller_says(
    edge: Edge, shop: Shop, forged: str
) -> None:
    await edge("GET", "/api/leads/L7", headers={EDGE_MARK: forged})
    assert came_as_json(shop.calls[0][1])


async def test_no_traceparent_is_invented(edge: Edge, shop: Shop) -> None:
    await edge("GET", "/api/leads/L7")
    assert "traceparent" not in shop.calls[0][1]


async def test_the_access_log_has_path_and_trace_but_no_query_no_token_no_body(
    edge: Edge, shop: Shop
) -> None:
    answer = await edge(
        "POST", "/api/leads", json={"name": "Secret Person"}, headers={"traceparent": TRACEPARENT}
    )
    line = await logged(edge, answer.headers["x-request-id"])
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/leads", 200)
    assert line["caller_trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert line["upstream"] == "shop"
    assert line["duration_ms"] >= 0
    answer = await edge("GET", "/api/leads/L7?page_size=5&phone=49155501")
    line = await logged(edge, answer.headers["x-request-id"])
    assert (line["path"], line["status"], line["caller_trace_id"]) == ("/api/leads/L7", 400, None)
    everything = edge.config.access_log.read_text()
    for secret in ("Secret Person", "49155501", "page_size", edge.token):
        assert secret not in everything


async def test_a_malformed_traceparent_and_a_forged_path_do_not_reach_the_log(
    edge: Edge, shop: Shop
) -> None:
    forged = {"traceparent": "my phone is 49155502", "x-envoy-original-path": "/forged"}
    answer = await edge("GET", "/api/leads/L7", headers=forged)
    line = await logged(edge, answer.headers["x-request-id"])
    assert (line["caller_trace_id"], line["path"]) == (None, "/api/leads/L7")


@pytest.mark.parametrize("fails", [False, True])
async def test_the_services_trace_id_reaches_the_caller_and_the_log(
    edge: Edge, shop: Shop, fails: bool
) -> None:
    ours = ((TRACE_ID_KEY, "5" * 32),)

    async def answer(_: Any, context: Any) -> Any:
        if fails:
            await context.abort(grpc.StatusCode.NOT_FOUND, "not here", ours)
        await context.send_initial_metadata(ours)
        return shop.compiled.messages.Lead()

    shop.behave = answer
    answered = await edge("GET", "/api/leads/L7", headers={"traceparent": TRACEPARENT})
    assert answered.status == (404 if fails else 200)
    assert answered.headers[TRACE_ID_KEY] == "5" * 32
    line = await logged(edge, answered.headers["x-request-id"])
    assert line["trace_id"] == "5" * 32


async def test_who_watches_health_by_grpc_without_a_token_hears_that_nothing_is_served_there(
    edge: Edge,
) -> None:
    # Told UNAUTHENTICATED, a client that watches would take the edge as unhealthy for good.
    target = f"127.0.0.1:{edge.config.listen.port}"
    async with grpc.aio.insecure_channel(target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Watch(health_pb2.HealthCheckRequest(), timeout=5).read()
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_health_checks_are_not_logged(edge: Edge) -> None:
    answer = await edge.health()
    other = await edge("GET", "/api/shoes")
    await logged(edge, other.headers["x-request-id"])
    asked = answer.headers["x-request-id"]
    assert not [line for line in edge.log() if line["request_id"] == asked]
    assert answer.status == 200


# Slow and absent services; several edges; leaving


async def test_a_service_that_answers_too_late_is_504(
    edge: Edge, shop: Shop, tmp_path: Path
) -> None:
    released = asyncio.Event()

    async def wait(_: Any, context: Any) -> Any:
        await released.wait()
        return shop.compiled.messages.Lead()

    shop.behave = wait
    config = elsewhere(edge.config, tmp_path, request_seconds_max=1.2, deadline_seconds=1)
    async with Supervisor() as supervisor:
        await started(supervisor, config, tmp_path, "hasty")
        hasty = Edge(config, edge.session, edge.token)
        await hasty.becomes(200)
        answer = await hasty("GET", "/api/leads/L7", headers={"grpc-timeout": "5S"})
        released.set()
        assert (answer.status, answer.json["code"]) == (504, 4)


async def test_two_edges_run_beside_each_other_and_one_drains_without_cutting_off(
    edge: Edge, shop: Shop, tmp_path: Path
) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def wait(_: Any, context: Any) -> Any:
        arrived.set()
        await released.wait()
        return shop.compiled.messages.Lead(lead_id="finished")

    shop.behave = wait
    config = elsewhere(edge.config, tmp_path)
    async with Supervisor() as supervisor:
        await started(supervisor, config, tmp_path, "second")
        second = Edge(config, edge.session, edge.token)
        await second.becomes(200)
        running = asyncio.create_task(second("GET", "/api/leads/L7"))
        await arrived.wait()
        draining = asyncio.create_task(drain(Admin.of(config), listen_seconds_min=0))
        await second.becomes(503)
        assert not running.done()
        released.set()
        answer = await running
        assert (answer.status, json.loads(answer.body)["leadId"]) == (200, "finished")
        await draining
        assert await supervisor.stop("second") == 0
    assert (await edge.health()).status == 200


async def test_a_service_that_is_away_makes_health_503_and_the_others_work(
    edge: Edge, shop: Shop, tmp_path: Path
) -> None:
    away = Address(host="127.0.0.1", port=free_port())
    services = {**edge.config.services, "absent": away}
    config = elsewhere(edge.config, tmp_path, services=services)
    async with Supervisor() as supervisor:
        await started(supervisor, config, tmp_path, "partial")
        partial = Edge(config, edge.session, edge.token)
        assert (await partial("GET", "/api/leads/L7")).status == 200
        assert (await partial.health()).status == 503


# Certificates


@pytest.mark.parametrize(("name", "flags"), [("localhost", "healthy"), ("elsewhere", "/failed")])
async def test_services_are_called_with_certificates_and_must_name_their_host(
    edge: Edge, shop: Shop, tmp_path: Path, name: str, flags: str
) -> None:
    authority = a_certificate(tmp_path, "authority")
    for each in ("edge", name):
        a_certificate(tmp_path, each, authority)
    server, port = await shop_with_tls(shop, tmp_path, name)
    tls = TlsFiles(
        authorities=tmp_path / "authority.pem",
        certificate=tmp_path / "edge.pem",
        private_key=tmp_path / "edge.key",
    )
    services = {"shop": Address(host="localhost", port=port)}
    config = elsewhere(edge.config, tmp_path, services=services, upstream_tls=tls)
    async with Supervisor() as supervisor:
        await started(supervisor, config, tmp_path, "secure")
        async with Admin.of(config).session() as admin, admin.get("/clusters") as answer:
            lines = (await answer.text()).splitlines()
    await server.stop(0)
    (line,) = [line for line in lines if line.startswith("shop::") and "::health_flags::" in line]
    assert line.rpartition("::")[2].startswith(flags)


# The configuration as such


def test_error_details_are_added_to_a_descriptor_set_once(compiled: Compiled) -> None:
    image = compiled.descriptor_set.read_bytes()
    assert with_error_details(image) == image
    names = [file.name for file in descriptor_pb2.FileDescriptorSet.FromString(image).file]
    assert names.count("google/rpc/error_details.proto") == 1


def test_a_path_template_that_the_check_does_not_understand_is_refused(tmp_path: Path) -> None:
    files = descriptor_pb2.FileDescriptorSet()
    file = files.file.add(name="odd.proto", package="odd")
    file.message_type.add(name="Request")
    method = file.service.add(name="Odd").method.add(name="Do", input_type=".odd.Request")
    method.options.Extensions[annotations_pb2.http].post = "/api/{name=things/*}"
    method.options.Extensions[annotations_pb2.http].body = "*"
    image = tmp_path / "image.binpb"
    image.write_bytes(files.SerializeToString())
    with pytest.raises(ValueError, match="only plain variables"):
        body_check_source(image, ["odd.Odd"])


async def test_what_is_printed_is_the_configuration(
    edge: Edge, compiled: Compiled, tmp_path: Path
) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(edge.config.jwks)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "deploy.edge", "--print", "--listen", "0.0.0.0:8443"),
        *("--ingest-http", "ingest:8080", "--service", "ingest=ingest:9090"),
        *("--service", "routing=[::1]:9091", "--transcode", "waybill.shop.v1.ShopService"),
        *(
            "--descriptor-set",
            str(compiled.descriptor_set),
            "--jwks",
            str(jwks),
            "--issuer",
            ISSUER,
        ),
        *("--audience", AUDIENCE, "--admin-socket", "/run/edge/admin"),
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    expected = EdgeConfig(
        listen=Address(host="0.0.0.0", port=8443),
        ingest_http=Address(host="ingest", port=8080),
        services={
            "ingest": Address(host="ingest", port=9090),
            "routing": Address(host="::1", port=9091),
        },
        descriptor_set=compiled.descriptor_set,
        transcoded=("waybill.shop.v1.ShopService",),
        jwks=edge.config.jwks,
        issuer=ISSUER,
        audiences=(AUDIENCE,),
        access_log=Path("/dev/stdout"),
        admin_socket=Path("/run/edge/admin"),
    )
    assert json.loads(printed) == bootstrap(expected)


def test_a_configuration_that_would_not_work_is_refused(config: EdgeConfig) -> None:
    with pytest.raises(ValueError, match="admin_socket has more than 107 bytes"):
        replace(config, admin_socket=Path("/", "ä" * 54))
    with pytest.raises(ValueError, match="deadline_seconds must be below"):
        replace(config, deadline_seconds=15)
    with pytest.raises(ValueError, match="long_deadline_seconds must be below"):
        replace(config, long_deadline_seconds=50)
    with pytest.raises(ValueError, match="audiences"):
        replace(config, audiences=())


@pytest.mark.parametrize("text", ["host", ":80", "host:", "host:http"])
def test_an_address_without_host_or_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        Address.parse(text)
