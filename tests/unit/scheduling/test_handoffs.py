"""Events of appointments as sync takes them, and its answers as the relay takes them."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from services.chassis.ids import new_id
from services.chassis.outbox.relay import HandoffResult
from services.chassis.outbox.store import OutboxItem
from services.chassis.outbox.timeline import timeline_sender
from services.chassis.trace import new_root
from waybill.sync.v1.sync_service_pb2 import (
    RecordEventResult,
    RecordEventsRequest,
    RecordEventsResponse,
)

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)


class FakeSync:
    """Accepts all events but the last and keeps the request."""

    async def RecordEvents(
        self,
        request: RecordEventsRequest,
        *,
        timeout: float,  # noqa: ASYNC109
    ) -> RecordEventsResponse:
        self.request, self.timeout_seconds = request, timeout
        *taken, refused = (RecordEventResult(event_id=each.event_id) for each in request.events)
        for each in taken:
            each.outcome = "accepted"
        refused.outcome, refused.reason = "refused", "INVALID_REQUEST"
        return RecordEventsResponse(results=[*taken, refused])


def an_item(**payload: object) -> OutboxItem:
    """An event as the database enqueues it."""
    return OutboxItem(
        org_id=uuid4(),
        outbox_id=new_id(),
        subject_id=new_id(),
        payload={
            "type": "appointment_booked",
            "subject_id": str(new_id()),
            "occurred_at": "2027-01-04T13:00:00+01:00",
            "details": {"status": "confirmed"},
            **payload,
        },
        attempts=1,
        enqueued_at=NOW,
        due_at=NOW,
        trace=new_root(),
    )


async def test_an_item_becomes_an_event_of_its_trace_and_is_answered_by_its_subject() -> None:
    item, other = an_item(), an_item()
    sync = FakeSync()
    answers = await timeline_sender(sync, timeout_seconds=3)([item, other])
    event, _ = sync.request.events
    assert (event.org_id, event.event_id) == (str(item.org_id), str(item.subject_id))
    assert (event.platform, event.type) == ("", "appointment_booked")
    assert (event.lead_id, event.subject_id) == ("", item.payload["subject_id"])
    assert json.loads(event.details_json) == {"status": "confirmed"}
    assert event.occur_time.ToDatetime(tzinfo=UTC) == NOW
    assert event.traceparent == item.trace.traceparent
    assert sync.timeout_seconds == 3
    assert answers == {
        item.subject_id: HandoffResult(accepted=True),
        other.subject_id: HandoffResult(accepted=False, reason="INVALID_REQUEST"),
    }
