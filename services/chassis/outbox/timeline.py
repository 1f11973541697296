"""Reports to sync's timeline: what a service did, as outbox rows, in one RPC.

A row's payload is {type, subject_id, occurred_at, details} and, where it is about one, {lead_id}.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from services.chassis.outbox.handoff import Call, handing_over
from services.chassis.outbox.relay import Send
from services.chassis.outbox.store import OutboxItem
from services.chassis.timestamps import to_timestamp
from waybill.sync.v1.sync_service_pb2 import RecordEventsRequest, TimelineEvent


class Timeline(Protocol):
    """What of sync's stub is needed here."""

    @property
    def RecordEvents(self) -> Call[RecordEventsRequest]:
        """Sync's RPC."""


def timeline_sender(sync: Timeline, timeout_seconds: float) -> Send:
    """Sends a batch of events to sync; its results say what became of each."""
    return handing_over(
        sync.RecordEvents,
        lambda items: RecordEventsRequest(events=map(to_timeline_event, items)),
        result_id="event_id",
        timeout_seconds=timeout_seconds,
    )


def to_timeline_event(item: OutboxItem) -> TimelineEvent:
    """The row as sync takes it; the event's id is the row's subject."""
    payload = item.payload
    return TimelineEvent(
        org_id=str(item.org_id),
        event_id=str(item.subject_id),
        type=payload["type"],
        lead_id=payload.get("lead_id", ""),
        subject_id=payload["subject_id"],
        details_json=msgspec.json.encode(payload["details"]).decode(),
        occur_time=to_timestamp(datetime.fromisoformat(payload["occurred_at"])),
        traceparent=item.trace.traceparent,
        tracestate=item.trace.tracestate,
    )
