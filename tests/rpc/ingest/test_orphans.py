"""What comes for a page before its source is found, listed and replayed by the operator."""

from typing import Any, TypeAlias

import asyncpg
import grpc
import pytest

from sandbox.meta_webhooks import PageMessage, messenger_text
from tests.rpc.callers import bearing
from tests.rpc.chassis.served import RefusedCall
from tests.rpc.ingest.conftest import PAGE, Ingest
from waybill.ingest.v1.ingest_service_pb2 import (
    ListWebhookOrphansRequest,
    ReplayWebhookOrphansRequest,
)
from waybill.trace.v1.trace_service_pb2 import FindTracesRequest, GetTraceRequest

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
REPLAY = ReplayWebhookOrphansRequest(source_kind="meta_page", source_external_id=PAGE)


async def refused(ingest: Ingest, method: str, request: Any, token: str) -> RefusedCall:
    try:
        await ingest.call(method, request, token)
    except grpc.aio.AioRpcError as error:
        return RefusedCall.of(error)
    raise AssertionError(f"{method} was let through")


async def names_of(ingest: Ingest, trace_id: str, token: str) -> list[str]:
    """The bars of a trace, as the caller sees it."""
    request = GetTraceRequest(trace_id=trace_id)
    answer = await ingest.traces.GetTrace(request, timeout=10, metadata=bearing(token))
    return [entry.name for entry in answer.entries]


async def test_a_message_that_came_before_its_source_is_found_and_becomes_an_item(
    ingest: Ingest, admin: Admin
) -> None:
    tenant, operator = await ingest.tenant(), ingest.signer.service("operator")
    answer = await ingest.post(messenger_text(PageMessage(mid="m_1")))
    assert answer.status == 200
    trace_id = answer.headers["x-waybill-trace-id"]
    assert await names_of(ingest, trace_id, operator) == ["webhook item message"]
    assert await names_of(ingest, trace_id, tenant.token) == []

    listed = await ingest.operator("ListWebhookOrphans", ListWebhookOrphansRequest())
    (orphan,) = listed.orphans
    assert (orphan.kind, orphan.status, orphan.reason) == ("message", "ignored", "unknown_source")
    assert (orphan.source_kind, orphan.source_external_id) == ("meta_page", PAGE)
    by_id = FindTracesRequest(external_id=orphan.external_id)
    found = await ingest.traces.FindTraces(by_id, timeout=10, metadata=bearing(operator))
    assert [(each.trace_id, each.key) for each in found.traces] == [
        (orphan.trace_id, orphan.item_id)
    ]

    early = await refused(ingest, "ReplayWebhookOrphans", REPLAY, operator)
    assert (early.code, early.reason) == ("NOT_FOUND", "SOURCE_NOT_FOUND")
    await ingest.source(tenant)
    replayed = await ingest.operator("ReplayWebhookOrphans", REPLAY)
    assert (replayed.replayed_count, replayed.has_more) == (1, False)
    assert (await ingest.operator("ReplayWebhookOrphans", REPLAY)).replayed_count == 0
    await ingest.work()
    row = await admin.fetchrow("select item_id, status from ingest.webhook_items")
    assert row is not None
    assert (str(row["item_id"]), row["status"]) == (orphan.item_id, "stored")
    assert "process message" in await names_of(ingest, orphan.trace_id, tenant.token)


async def test_orphans_come_in_pages(ingest: Ingest) -> None:
    for number in range(3):
        await ingest.post(messenger_text(PageMessage(mid=f"m_{number}")))
    seen: list[str] = []
    token = ""
    while True:
        request = ListWebhookOrphansRequest(page_size=2, page_token=token, source_kind="meta_page")
        page = await ingest.operator("ListWebhookOrphans", request)
        seen += [each.external_id for each in page.orphans]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["m_2", "m_1", "m_0"]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ListWebhookOrphans", ListWebhookOrphansRequest(source_kind="form")),
        (
            "ReplayWebhookOrphans",
            ReplayWebhookOrphansRequest(source_kind="api", source_external_id=PAGE),
        ),
        (
            "ReplayWebhookOrphans",
            ReplayWebhookOrphansRequest(source_kind="meta_page", source_external_id=" "),
        ),
    ],
)
async def test_a_source_that_cannot_be_is_named(ingest: Ingest, method: str, request_: Any) -> None:
    refusal = await refused(ingest, method, request_, ingest.signer.service("operator"))
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert len(refusal.violations) == 1


@pytest.mark.parametrize(
    ("method", "request_"),
    [("ListWebhookOrphans", ListWebhookOrphansRequest()), ("ReplayWebhookOrphans", REPLAY)],
)
async def test_no_tenant_sees_or_takes_orphans(ingest: Ingest, method: str, request_: Any) -> None:
    tenant = await ingest.tenant()
    refusal = await refused(ingest, method, request_, tenant.token)
    assert refusal.code == "PERMISSION_DENIED"
