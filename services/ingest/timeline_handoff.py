"""The handoff of what happens in pages' conversations to sync: outbox rows to one RPC."""

from datetime import datetime
from typing import TYPE_CHECKING

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from waybill.sync.v1.sync_service_pb2 import RecordEventsRequest, TimelineEvent

if TYPE_CHECKING:
    # The stubs' types exist in the .pyi files alone.
    from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub

TOPIC = "sync.record_events"


def sender(sync: "SyncServiceAsyncStub", timeout_seconds: float) -> Send:
    """Sends a batch of events to sync and says what became of each."""
    return handing_over(
        sync.RecordEvents,
        lambda items: RecordEventsRequest(events=[to_event(item) for item in items]),
        result_id="event_id",
        timeout_seconds=timeout_seconds,
    )


def to_event(item: OutboxItem) -> TimelineEvent:
    """The webhook's event as sync takes it; its id is the webhook item's."""
    payload = item.payload
    event = TimelineEvent(
        org_id=str(item.org_id),
        event_id=str(item.subject_id),
        platform=payload["platform"],
        facebook_page_id=payload["facebook_page_id"],
        payload_json=payload["payload"],
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
    event.occur_time.FromDatetime(datetime.fromisoformat(payload["received_at"]))
    return event
