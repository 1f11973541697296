"""Leads, as callers send and read them."""

from datetime import UTC, datetime
from typing import Any

from services.chassis.batching import Closed, Overloaded
from services.chassis.errors import not_found
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import caller
from services.chassis.rpc.pagination import parse_page
from services.chassis.rpc.request_ids import parse_request_id
from services.chassis.telemetry import note
from services.chassis.trace import current
from services.ingest.api_source_cache import ApiSourceCache
from services.ingest.edge.answers import to_lead
from services.ingest.edge.parsing import parse_lead
from services.ingest.lead_writer import LeadWriter
from services.ingest.records.leads import LeadToStore
from services.ingest.refusals import too_many_leads
from services.ingest.store import IngestStore
from waybill.ingest.v1 import ingest_service_pb2 as pb


class LeadHandlers:
    """The RPCs on leads."""

    def __init__(self, store: IngestStore, writer: LeadWriter, api_sources: ApiSourceCache) -> None:
        self._store = store
        self._writer = writer
        self._api_sources = api_sources

    async def CreateLead(
        self, request: pb.CreateLeadRequest, context: Any
    ) -> pb.CreateLeadResponse:
        org_id = caller().org
        lead = parse_lead(request, await self._api_sources.get(org_id), now=datetime.now(UTC))
        to_store = LeadToStore(
            org_id=org_id,
            lead=lead,
            traceparent=current().traceparent,
            request_id=parse_request_id(request),
        )
        try:
            stored = await self._writer.submit(lead.lead_id, to_store)
        except (Overloaded, Closed):
            raise too_many_leads() from None
        note(contact_is_new=stored.contact_is_new)
        return pb.CreateLeadResponse(
            lead_id=str(stored.lead_id), conversation_id=str(stored.conversation_id)
        )

    async def GetLead(self, request: pb.GetLeadRequest, context: Any) -> pb.GetLeadResponse:
        lead_id = parse_uuid(request.lead_id, "lead_id")
        lead = await self._store.get_lead(caller().org, lead_id)
        if lead is None:
            raise not_found("lead", lead_id)
        return pb.GetLeadResponse(lead=to_lead(lead))

    async def ListLeads(self, request: pb.ListLeadsRequest, context: Any) -> pb.ListLeadsResponse:
        page = parse_page(request, "leads")
        listed = await self._store.list_leads(
            caller().org, limit=page.rows_to_read, before=page.start
        )
        leads, next_page_token = page.split(listed, lambda lead: (str(lead.lead_id),))
        return pb.ListLeadsResponse(leads=map(to_lead, leads), next_page_token=next_page_token)
