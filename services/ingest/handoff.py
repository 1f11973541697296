"""The handoff of leads to routing: outbox rows to one RPC, its answers to settlements."""

from datetime import datetime
from typing import TYPE_CHECKING

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from waybill.routing.v1.routing_service_pb2 import EnqueueLeadsRequest, LeadAnswer, LeadToRoute

if TYPE_CHECKING:
    # The stubs' types exist in the .pyi files alone.
    from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceAsyncStub

TOPIC = "routing.enqueue_leads"


def sender(routing: "RoutingServiceAsyncStub", timeout_seconds: float) -> Send:
    """Sends a batch of leads to routing and says what became of each."""
    return handing_over(
        routing.EnqueueLeads,
        lambda items: EnqueueLeadsRequest(leads=[to_lead(item) for item in items]),
        result_id="lead_id",
        timeout_seconds=timeout_seconds,
    )


def to_lead(item: OutboxItem) -> LeadToRoute:
    """What routing must know of the lead that the row hands over."""
    payload = item.payload
    lead = LeadToRoute(
        org_id=str(item.org_id),
        lead_id=str(item.subject_id),
        source_id=payload["source_id"],
        source_kind=payload["source_kind"],
        type=payload["type"],
        phone=payload["phone"],
        email=payload["email"],
        full_name=payload["full_name"],
        details=payload["details"],
        answers=[
            LeadAnswer(name=answer["name"], values=answer["values"])
            for answer in payload["answers"]
        ],
        consents=payload["consents"],
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
    lead.receive_time.FromDatetime(datetime.fromisoformat(payload["received_at"]))
    return lead
