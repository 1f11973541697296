"""The handoff of what becomes of appointments to sync's timeline: outbox rows to one RPC."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from services.chassis.outbox.handoff import handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from waybill.sync.v1.sync_service_pb2 import RecordEventsRequest, TimelineEvent

if TYPE_CHECKING:
    # The stubs' types exist in the .pyi files alone.
    from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub

TOPIC = "sync.appointment_events"


def sender(sync: "SyncServiceAsyncStub", timeout_seconds: float) -> Send:
    """Sends a batch of events to sync and says what became of each."""
    return handing_over(
        sync.RecordEvents,
        lambda items: RecordEventsRequest(events=[to_event(item) for item in items]),
        result_id="event_id",
        timeout_seconds=timeout_seconds,
    )


def to_event(item: OutboxItem) -> TimelineEvent:
    """What happened, as sync takes it; the event's id is the row's subject."""
    payload = item.payload
    event = TimelineEvent(
        org_id=str(item.org_id),
        event_id=str(item.subject_id),
        type=payload["type"],
        subject_id=payload["subject_id"],
        details_json=msgspec.json.encode(payload["details"]).decode(),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
    event.occur_time.FromDatetime(datetime.fromisoformat(payload["occurred_at"]))
    return event
