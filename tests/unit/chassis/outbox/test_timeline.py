"""Events on their way to sync's timeline."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from services.chassis.outbox.relay import Answer
from services.chassis.outbox.store import OutboxItem
from services.chassis.outbox.timeline import timeline_sender, to_timeline_event
from services.chassis.trace import new_root
from waybill.sync.v1.sync_service_pb2 import (
    RecordEventResult,
    RecordEventsRequest,
    RecordEventsResponse,
)

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)


class FakeSync:
    """Accepts every event but the last and keeps the request."""

    async def RecordEvents(
        self,
        request: RecordEventsRequest,
        /,
        *,
        timeout: float,  # noqa: ASYNC109
    ) -> RecordEventsResponse:
        self.request, self.timeout_seconds = request, timeout
        *accepted, refused = (RecordEventResult(event_id=each.event_id) for each in request.events)
        for each in accepted:
            each.outcome = "accepted"
        refused.outcome, refused.reason = "refused", "INVALID_REQUEST"
        return RecordEventsResponse(results=[*accepted, refused])


def an_item(**payload: object) -> OutboxItem:
    """An event as the database enqueues it."""
    return OutboxItem(
        org_id=uuid4(),
        outbox_id=uuid4(),
        subject_id=uuid4(),
        payload={
            "type": "delivery_failed",
            "subject_id": "the delivery",
            "occurred_at": "2027-01-04T13:00:00+01:00",
            "details": {"reason": "returned"},
            **payload,
        },
        attempts=1,
        enqueued_at=NOON,
        due_at=NOON,
        trace=new_root(),
    )


def test_a_row_becomes_an_event_of_its_own_trace() -> None:
    item = an_item(lead_id="the lead")
    event = to_timeline_event(item)
    assert (event.org_id, event.event_id) == (str(item.org_id), str(item.subject_id))
    assert (event.type, event.lead_id, event.subject_id) == (
        "delivery_failed", "the lead", "the delivery",
    )  # fmt: skip
    assert json.loads(event.details_json) == {"reason": "returned"}
    assert event.occur_time.ToDatetime(UTC) == NOON
    assert event.traceparent == item.trace.traceparent


def test_an_event_may_be_about_no_lead() -> None:
    assert to_timeline_event(an_item()).lead_id == ""


async def test_a_batch_is_one_call_and_is_answered_by_the_rows_subjects() -> None:
    item, other = an_item(), an_item()
    sync = FakeSync()
    assert await timeline_sender(sync, 3)([item, other]) == {
        item.subject_id: Answer(accepted=True),
        other.subject_id: Answer(accepted=False, reason="INVALID_REQUEST"),
    }
    assert sync.timeout_seconds == 3
