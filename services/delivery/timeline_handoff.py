"""The handoff of what becomes of leads to sync's timeline: outbox rows to one RPC."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from services.chassis.outbox import OutboxItem
from services.chassis.relay import Answer, Send
from waybill.sync.v1.sync_service_pb2 import RecordEventsRequest, TimelineEvent

if TYPE_CHECKING:
    # The stubs' types exist in the .pyi files alone.
    from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceAsyncStub

TOPIC = "sync.delivery_events"


def sender(sync: "SyncServiceAsyncStub", timeout_seconds: float) -> Send:
    """Sends a batch of events to sync and says what became of each."""

    async def send(items: Sequence[OutboxItem]) -> Mapping[UUID, Answer]:
        request = RecordEventsRequest(events=[to_event(item) for item in items])
        response = await sync.RecordEvents(request, timeout=timeout_seconds)
        return {
            UUID(result.event_id): Answer(
                accepted=result.outcome == "accepted", reason=result.reason
            )
            for result in response.results
        }

    return send


def to_event(item: OutboxItem) -> TimelineEvent:
    """What happened, as sync takes it; the event's id is the row's subject."""
    payload = item.payload
    event = TimelineEvent(
        org_id=str(item.org_id),
        event_id=str(item.subject_id),
        type=payload["type"],
        lead_id=payload["lead_id"],
        subject_id=payload["subject_id"],
        details_json=msgspec.json.encode(payload["details"]).decode(),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
    event.occur_time.FromDatetime(datetime.fromisoformat(payload["occurred_at"]))
    return event
