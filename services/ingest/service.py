"""Ingest's gRPC edge: parse, call, answer."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.chassis.batching import Closed, GroupCommit, Overloaded
from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.ids import new_id
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.rpc.server import Served
from services.chassis.sealing import KeyRing, seal
from services.chassis.trace import current
from services.ingest.answers import to_item, to_lead, to_orphan, to_source
from services.ingest.api_sources import ApiSources
from services.ingest.app_secrets import AppSecrets
from services.ingest.parsing import (
    parse_app,
    parse_item_status,
    parse_lead,
    parse_org,
    parse_orphan_filter,
    parse_orphan_source,
    parse_retired_app,
    parse_source,
    parse_source_change,
)
from services.ingest.store import IngestStore
from services.ingest.store.leads import LeadToStore, StoredLead
from waybill.ingest.v1 import ingest_service_pb2, ingest_service_pb2_grpc
from waybill.ingest.v1.ingest_service_pb2 import (
    CreateLeadRequest,
    CreateLeadResponse,
    CreateOrgRequest,
    CreateOrgResponse,
    CreateSourceRequest,
    CreateSourceResponse,
    GetLeadRequest,
    GetLeadResponse,
    ListLeadsRequest,
    ListLeadsResponse,
    ListSourcesRequest,
    ListSourcesResponse,
    ListWebhookItemsRequest,
    ListWebhookItemsResponse,
    ListWebhookOrphansRequest,
    ListWebhookOrphansResponse,
    RegisterAppRequest,
    RegisterAppResponse,
    ReplayWebhookItemRequest,
    ReplayWebhookItemResponse,
    ReplayWebhookOrphansRequest,
    ReplayWebhookOrphansResponse,
    RetireAppSecretsRequest,
    RetireAppSecretsResponse,
    UpdateSourceRequest,
    UpdateSourceResponse,
)


class IngestService(ingest_service_pb2_grpc.IngestServiceServicer):
    """`waybill.ingest.v1.IngestService`; the proto says what each RPC promises."""

    def __init__(
        self,
        store: IngestStore,
        *,
        ring: KeyRing,
        secrets: AppSecrets,
        writer: GroupCommit[LeadToStore, StoredLead],
        api_sources: ApiSources,
    ) -> None:
        self._store = store
        self._ring = ring
        self._secrets = secrets
        self._writer = writer
        self._api_sources = api_sources

    async def CreateOrg(self, request: CreateOrgRequest, context: Any) -> CreateOrgResponse:
        org = parse_org(request)
        answer = await self._store.create_org(
            org_id=new_id(),
            source_id=new_id(),
            name=org.name,
            default_region=org.default_region,
            request=parse_request_id(request),
            trace=current(),
        )
        return CreateOrgResponse(**answer)

    async def RegisterApp(self, request: RegisterAppRequest, context: Any) -> RegisterAppResponse:
        app = parse_app(request)
        app_id = await self._store.find_app(app.external_app_id) or new_id()
        answer = await self._store.register_app(
            app_id=app_id,
            external_app_id=app.external_app_id,
            secret_id=new_id(),
            secret_ciphertext=self._secrets.seal(app_id, app.secret),
            verify_token_id=new_id(),
            verify_token_ciphertext=self._secrets.seal(app_id, app.verify_token),
            request=parse_request_id(request),
            trace=current(),
        )
        self._secrets.forget()
        return RegisterAppResponse(**answer)

    async def RetireAppSecrets(
        self, request: RetireAppSecretsRequest, context: Any
    ) -> RetireAppSecretsResponse:
        count = await self._store.retire_app_secrets(parse_retired_app(request), current())
        self._secrets.forget()
        return RetireAppSecretsResponse(retired_count=count)

    async def CreateSource(
        self, request: CreateSourceRequest, context: Any
    ) -> CreateSourceResponse:
        source = parse_source(request)
        org_id, source_id = caller().org, new_id()
        answer = await self._store.create_source(
            org_id=org_id,
            source_id=source_id,
            kind=source.kind,
            external_id=source.external_id,
            name=source.name,
            default_region=source.default_region,
            access_token_ciphertext=self._seal(source.access_token, org_id, source_id),
            request=parse_request_id(request),
            trace=current(),
        )
        return CreateSourceResponse(source=to_source(answer))

    async def UpdateSource(
        self, request: UpdateSourceRequest, context: Any
    ) -> UpdateSourceResponse:
        change, org_id = parse_source_change(request), caller().org
        answer = await self._store.update_source(
            org_id=org_id,
            source_id=change.source_id,
            name=change.name,
            default_region=change.default_region,
            access_token_ciphertext=self._seal(change.access_token, org_id, change.source_id),
            trace=current(),
        )
        self._api_sources.forget(org_id)
        return UpdateSourceResponse(source=to_source(answer))

    def _seal(self, access_token: str | None, org_id: UUID, source_id: UUID) -> bytes | None:
        if not access_token:
            return None
        secret = access_token.encode()
        return seal(self._ring, secret, table="sources", key=str(source_id), org_id=org_id)

    async def ListSources(self, request: ListSourcesRequest, context: Any) -> ListSourcesResponse:
        page = parse_page(request, "sources")
        rows = await self._store.list_sources(caller().org, page.rows_to_read, page.start)
        sources, token = page.split(rows, lambda row: (str(row["source_id"]),))
        return ListSourcesResponse(
            sources=[to_source(row) for row in sources], next_page_token=token
        )

    async def CreateLead(self, request: CreateLeadRequest, context: Any) -> CreateLeadResponse:
        org_id = caller().org
        source = await self._api_sources.of(org_id)
        lead = parse_lead(
            request,
            source_id=source.source_id,
            default_region=source.default_region,
            now=datetime.now(UTC),
        )
        to_store = LeadToStore(
            org_id=org_id, lead=lead, trace=current(), request=parse_request_id(request)
        )
        try:
            stored = await self._writer.submit(lead.lead_id, to_store)
        except (Overloaded, Closed):
            text = "Too many leads wait to be stored. Try again."
            raise DomainError("OVERLOADED", text, retry_after_seconds=1) from None
        return CreateLeadResponse(
            lead_id=str(stored.lead_id), conversation_id=str(stored.conversation_id)
        )

    async def GetLead(self, request: GetLeadRequest, context: Any) -> GetLeadResponse:
        lead_id = parse_uuid(request.lead_id, "lead_id")
        return GetLeadResponse(lead=to_lead(await self._store.get_lead(caller().org, lead_id)))

    async def ListLeads(self, request: ListLeadsRequest, context: Any) -> ListLeadsResponse:
        page = parse_page(request, "leads")
        rows = await self._store.list_leads(caller().org, page.rows_to_read, page.start)
        leads, token = page.split(rows, lambda row: (str(row["lead_id"]),))
        return ListLeadsResponse(leads=[to_lead(row) for row in leads], next_page_token=token)

    async def ListWebhookItems(
        self, request: ListWebhookItemsRequest, context: Any
    ) -> ListWebhookItemsResponse:
        status = parse_item_status(request.status)
        page = parse_page(request, "items", status)
        rows = await self._store.list_webhook_items(
            caller().org, status, page.rows_to_read, page.start
        )
        items, token = page.split(rows, lambda row: (str(row["item_id"]),))
        return ListWebhookItemsResponse(
            items=[to_item(row) for row in items], next_page_token=token
        )

    async def ReplayWebhookItem(
        self, request: ReplayWebhookItemRequest, context: Any
    ) -> ReplayWebhookItemResponse:
        item_id = parse_uuid(request.item_id, "item_id")
        row = await self._store.replay_webhook_item(caller().org, item_id, current())
        return ReplayWebhookItemResponse(item=to_item(row) if row else None)

    async def ListWebhookOrphans(
        self, request: ListWebhookOrphansRequest, context: Any
    ) -> ListWebhookOrphansResponse:
        source = parse_orphan_filter(request)
        page = parse_page(request, "orphans", source.kind, source.external_id)
        rows = await self._store.list_webhook_orphans(source, page.rows_to_read, page.start)
        orphans, token = page.split(rows, lambda row: (str(row["item_id"]),))
        return ListWebhookOrphansResponse(
            orphans=[to_orphan(row) for row in orphans], next_page_token=token
        )

    async def ReplayWebhookOrphans(
        self, request: ReplayWebhookOrphansRequest, context: Any
    ) -> ReplayWebhookOrphansResponse:
        source = parse_orphan_source(request)
        count, has_more = await self._store.replay_webhook_orphans(source, current())
        return ReplayWebhookOrphansResponse(replayed_count=count, has_more=has_more)


def ingest_served(service: IngestService) -> Served:
    """IngestService for `serving`."""
    return Served(
        descriptor=ingest_service_pb2.DESCRIPTOR.services_by_name["IngestService"],
        add=ingest_service_pb2_grpc.add_IngestServiceServicer_to_server,
        servicer=service,
    )
