"""Leads at the edge: taken over from ingest, and their routing read."""

from datetime import UTC, datetime
from typing import Any

from services.chassis.errors import DomainError
from services.chassis.fields import parse_uuid
from services.chassis.loops import Wake
from services.chassis.rpc.auth import caller
from services.routing.edge.answers import to_enqueue_result, to_routing
from services.routing.edge.parsing import parse_leads
from services.routing.records import NewLead
from services.routing.refusals import lead_not_found
from services.routing.store.leads import LeadStore
from waybill.routing.v1 import routing_service_pb2 as pb


class LeadHandlers:
    """RoutingService's RPCs on leads; `enqueued` is set when some were taken over."""

    def __init__(self, leads: LeadStore, enqueued: Wake) -> None:
        self._leads = leads
        self._enqueued = enqueued

    async def GetRouting(
        self, request: pb.GetRoutingRequest, context: Any
    ) -> pb.GetRoutingResponse:
        lead_id = parse_uuid(request.lead_id, "lead_id")
        routing = await self._leads.get_routing(caller().org, lead_id)
        if routing is None:
            raise lead_not_found(lead_id)
        return to_routing(routing, await self._leads.list_decisions(caller().org, lead_id))

    async def EnqueueLeads(
        self, request: pb.EnqueueLeadsRequest, context: Any
    ) -> pb.EnqueueLeadsResponse:
        parsed = parse_leads(request, datetime.now(UTC))
        if leads := [item for _, item in parsed if isinstance(item, NewLead)]:
            await self._leads.enqueue_leads(leads)
            self._enqueued.set()
        return pb.EnqueueLeadsResponse(
            results=[
                to_enqueue_result(lead_id, item if isinstance(item, DomainError) else None)
                for lead_id, item in parsed
            ]
        )
