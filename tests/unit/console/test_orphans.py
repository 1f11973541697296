"""`waybill orphan`: replays until nothing is left, as the operator."""

import json
from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from tests.unit.console.fake_traces import Services
from tests.unit.console.test_cli import waybill
from waybill.ingest.v1 import ingest_service_pb2_grpc
from waybill.ingest.v1.ingest_service_pb2 import (
    ListWebhookOrphansRequest,
    ListWebhookOrphansResponse,
    ReplayWebhookOrphansRequest,
    ReplayWebhookOrphansResponse,
    WebhookOrphan,
)


class FakeIngest(ingest_service_pb2_grpc.IngestServiceServicer):
    """Answers replays in turn, and two pages of orphans; remembers what it was asked."""

    def __init__(self, *replays: tuple[int, bool]) -> None:
        self._replays = list(replays)
        self.asked: list[Any] = []
        self.tokens: set[Any] = set()

    async def ReplayWebhookOrphans(
        self, request: ReplayWebhookOrphansRequest, context: Any
    ) -> ReplayWebhookOrphansResponse:
        self._heard(request, context)
        count, has_more = self._replays.pop(0)
        return ReplayWebhookOrphansResponse(replayed_count=count, has_more=has_more)

    async def ListWebhookOrphans(
        self, request: ListWebhookOrphansRequest, context: Any
    ) -> ListWebhookOrphansResponse:
        self._heard(request, context)
        token = "" if request.page_token else "more"
        orphan = WebhookOrphan(item_id=f"item {request.page_token}", reason="unknown_source")
        return ListWebhookOrphansResponse(orphans=[orphan], next_page_token=token)

    def _heard(self, request: Any, context: Any) -> None:
        self.asked.append(request)
        self.tokens.add(dict(context.invocation_metadata())["authorization"])


async def said(ingest: FakeIngest, *arguments: str) -> Any:
    """What the command prints as JSON."""
    server = grpc.aio.server()
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(ingest, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        services = Services({"ingest": f"127.0.0.1:{port}"})
        answer = await waybill(services, "orphan", *arguments, "--json")
    finally:
        await server.stop(None)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


@pytest.mark.parametrize(
    ("replays", "printed"),
    [
        ([(500, True), (500, True), (7, False)], (1007, False)),
        ([(0, False)], (0, False)),
        # Another replay holds what is left: it is not waited for.
        ([(3, True), (0, True)], (3, True)),
    ],
)
async def test_a_replay_goes_on_until_nothing_is_left(
    replays: Sequence[tuple[int, bool]], printed: tuple[int, bool]
) -> None:
    ingest = FakeIngest(*replays)  # type: ignore[abstract]
    answer = await said(ingest, "replay", "meta_page", "700100200300")
    assert (answer["replayed_count"], answer["has_more"]) == printed
    assert ingest.asked == [
        ReplayWebhookOrphansRequest(source_kind="meta_page", source_external_id="700100200300")
    ] * len(replays)


async def test_all_pages_are_read_with_the_operators_token() -> None:
    ingest = FakeIngest()  # type: ignore[abstract]
    answer = await said(ingest, "list", "--kind", "meta_page", "--all")
    assert [each["item_id"] for each in answer["orphans"]] == ["item ", "item more"]
    assert [each.source_kind for each in ingest.asked] == ["meta_page", "meta_page"]
    assert ingest.tokens == {f"Bearer {Services({}).environment()['WAYBILL_SERVICE_TOKEN']}"}
