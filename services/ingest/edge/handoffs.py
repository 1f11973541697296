"""Outbox rows as RPCs of other services: leads to routing, events of conversations to sync."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from services.chassis.timestamps import to_timestamp
from waybill.routing.v1 import routing_service_pb2 as routing_pb
from waybill.sync.v1 import sync_service_pb2 as sync_pb

if TYPE_CHECKING:
    # The types of stubs are only in the .pyi files.
    from waybill.routing.v1.routing_service_pb2_grpc import RoutingServiceAsyncStub
    from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub

LEADS_TOPIC: Final = "routing.enqueue_leads"
EVENTS_TOPIC: Final = "sync.record_events"


def lead_sender(routing: "RoutingServiceAsyncStub", timeout_seconds: float) -> Send:
    """Sends a batch of leads to routing; its results say what became of each."""
    return handing_over(
        routing.EnqueueLeads,
        lambda items: routing_pb.EnqueueLeadsRequest(leads=map(to_lead_to_route, items)),
        result_id="lead_id",
        timeout_seconds=timeout_seconds,
    )


def to_lead_to_route(item: OutboxItem) -> routing_pb.LeadToRoute:
    """The lead that the row hands over, as routing takes it."""
    payload = item.payload
    return routing_pb.LeadToRoute(
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
            routing_pb.LeadAnswer(name=answer["name"], values=answer["values"])
            for answer in payload["answers"]
        ],
        consents=payload["consents"],
        receive_time=to_timestamp(datetime.fromisoformat(payload["received_at"])),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )


def event_sender(sync: "SyncServiceAsyncStub", timeout_seconds: float) -> Send:
    """Sends a batch of pages' events to sync; its results say what became of each."""
    return handing_over(
        sync.RecordEvents,
        lambda items: sync_pb.RecordEventsRequest(events=map(to_page_event, items)),
        result_id="event_id",
        timeout_seconds=timeout_seconds,
    )


def to_page_event(item: OutboxItem) -> sync_pb.TimelineEvent:
    """The webhook's event as sync takes it; its id is the webhook item's."""
    payload = item.payload
    return sync_pb.TimelineEvent(
        org_id=str(item.org_id),
        event_id=str(item.subject_id),
        platform=payload["platform"],
        facebook_page_id=payload["facebook_page_id"],
        payload_json=payload["payload"],
        occur_time=to_timestamp(datetime.fromisoformat(payload["received_at"])),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
