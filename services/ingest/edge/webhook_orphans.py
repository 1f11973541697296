"""Webhook orphans: what came for pages, accounts and numbers that no org has."""

from typing import Any

from services.chassis.rpc.pagination import parse_page
from services.chassis.trace import current
from services.ingest.edge.answers import to_webhook_orphan
from services.ingest.edge.parsing import parse_orphan_filter, parse_orphan_source
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


class WebhookOrphanHandlers:
    """The RPCs on orphans."""

    def __init__(self, store: IngestStore) -> None:
        self._store = store

    async def ListWebhookOrphans(
        self, request: pb.ListWebhookOrphansRequest, context: Any
    ) -> pb.ListWebhookOrphansResponse:
        source = parse_orphan_filter(request)
        page = parse_page(request, "orphans", source.kind, source.external_id)
        listed = await self._store.list_webhook_orphans(
            source, limit=page.rows_to_read, before=page.start
        )
        orphans, next_page_token = page.split(listed, lambda orphan: (str(orphan.item_id),))
        return pb.ListWebhookOrphansResponse(
            orphans=map(to_webhook_orphan, orphans), next_page_token=next_page_token
        )

    async def ReplayWebhookOrphans(
        self, request: pb.ReplayWebhookOrphansRequest, context: Any
    ) -> pb.ReplayWebhookOrphansResponse:
        replayed = await self._store.replay_webhook_orphans(
            parse_orphan_source(request), traceparent=current().traceparent
        )
        return pb.ReplayWebhookOrphansResponse(
            replayed_count=replayed.replayed_count, has_more=replayed.has_more
        )
