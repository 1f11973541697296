"""Sources: pages, accounts, numbers and forms."""

from typing import Any
from uuid import UUID

from services.chassis.ids import new_id
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.sealing import SealedColumn
from services.chassis.trace import current
from services.ingest.api_source_cache import ApiSourceCache
from services.ingest.edge.answers import to_source
from services.ingest.edge.parsing import parse_source, parse_source_change
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


class SourceHandlers:
    """The RPCs on sources."""

    def __init__(
        self, store: IngestStore, access_tokens: SealedColumn, api_sources: ApiSourceCache
    ) -> None:
        self._store = store
        self._access_tokens = access_tokens
        self._api_sources = api_sources

    async def CreateSource(
        self, request: pb.CreateSourceRequest, context: Any
    ) -> pb.CreateSourceResponse:
        source = parse_source(request)
        org_id, source_id = caller().org, new_id()
        created = await self._store.create_source(
            org_id,
            source,
            source_id=source_id,
            access_token_ciphertext=self._seal(org_id, source_id, source.access_token),
            request_id=parse_request_id(request),
            traceparent=current().traceparent,
        )
        return pb.CreateSourceResponse(source=to_source(created))

    async def UpdateSource(
        self, request: pb.UpdateSourceRequest, context: Any
    ) -> pb.UpdateSourceResponse:
        change, org_id = parse_source_change(request), caller().org
        updated = await self._store.update_source(
            org_id,
            change,
            access_token_ciphertext=self._seal(org_id, change.source_id, change.access_token),
            traceparent=current().traceparent,
        )
        self._api_sources.invalidate(org_id)
        return pb.UpdateSourceResponse(source=to_source(updated))

    def _seal(self, org_id: UUID, source_id: UUID, access_token: str | None) -> bytes | None:
        return self._access_tokens.seal(org_id, source_id, access_token) if access_token else None

    async def ListSources(
        self, request: pb.ListSourcesRequest, context: Any
    ) -> pb.ListSourcesResponse:
        page = parse_page(request, "sources")
        listed = await self._store.list_sources(
            caller().org, limit=page.rows_to_read, after=page.start
        )
        sources, next_page_token = page.split(listed, lambda source: (str(source.source_id),))
        return pb.ListSourcesResponse(
            sources=map(to_source, sources), next_page_token=next_page_token
        )
