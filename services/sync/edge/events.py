"""RecordEvents: what other services report to the timeline."""

from datetime import UTC, datetime
from typing import Any

from services.chassis.errors import DomainError
from services.chassis.rpc.auth import caller
from services.sync.edge.parsing_events import ReportedEvent, parse_events
from services.sync.records.events import ReportedPageEvent, ReportedTimelineEvent
from services.sync.store.conversations import ConversationStore
from waybill.sync.v1 import sync_service_pb2 as pb


class EventHandlers:
    """Takes over events, each once; what is refused is refused for itself."""

    def __init__(self, conversations: ConversationStore) -> None:
        self._conversations = conversations

    async def RecordEvents(
        self, request: pb.RecordEventsRequest, context: Any
    ) -> pb.RecordEventsResponse:
        parsed = parse_events(request, datetime.now(UTC))
        events = [event for _, event in parsed]
        if of_pages := [each for each in events if isinstance(each, ReportedPageEvent)]:
            await self._conversations.record_page_events(of_pages)
        if others := [each for each in events if isinstance(each, ReportedTimelineEvent)]:
            reporter = caller().service or ""
            await self._conversations.record_timeline_events(reporter, others)
        return pb.RecordEventsResponse(
            results=[_to_result(event_id, event) for event_id, event in parsed]
        )


def _to_result(event_id: str, event: ReportedEvent | DomainError) -> pb.RecordEventResult:
    if isinstance(event, DomainError):
        return pb.RecordEventResult(event_id=event_id, outcome="refused", reason=event.reason)
    return pb.RecordEventResult(event_id=event_id, outcome="accepted")
