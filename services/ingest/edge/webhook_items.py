"""Webhook items: what became of each update, and dead letters that are replayed."""

from typing import Any

from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.trace import current
from services.ingest.edge.answers import to_webhook_item
from services.ingest.edge.parsing import parse_item_status
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


class WebhookItemHandlers:
    """The RPCs on webhook items."""

    def __init__(self, store: IngestStore) -> None:
        self._store = store

    async def ListWebhookItems(
        self, request: pb.ListWebhookItemsRequest, context: Any
    ) -> pb.ListWebhookItemsResponse:
        status = parse_item_status(request.status)
        page = parse_page(request, "items", status)
        listed = await self._store.list_webhook_items(
            caller().org, status=status, limit=page.rows_to_read, before=page.start
        )
        items, next_page_token = page.split(listed, lambda item: (str(item.item_id),))
        return pb.ListWebhookItemsResponse(
            items=map(to_webhook_item, items), next_page_token=next_page_token
        )

    async def ReplayWebhookItem(
        self, request: pb.ReplayWebhookItemRequest, context: Any
    ) -> pb.ReplayWebhookItemResponse:
        org_id, item_id = caller().org, parse_uuid(request.item_id, "item_id")
        await self._store.replay_webhook_item(org_id, item_id, traceparent=current().traceparent)
        item = await self._store.get_webhook_item(org_id, item_id)
        if item is None:
            raise not_found("item", item_id)
        return pb.ReplayWebhookItemResponse(item=to_webhook_item(item))
