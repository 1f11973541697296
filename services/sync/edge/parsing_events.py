"""Events that other services report, as records; each is refused by itself."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from services.chassis.errors import DomainError
from services.chassis.fields import Fields
from services.chassis.timestamps import from_timestamp
from services.sync.edge.parsing import PLATFORMS
from services.sync.json_text import hash_of, parse_json
from services.sync.meta_values import UnreadableError, to_payload
from services.sync.records.events import Reject, ReportedPageEvent, ReportedTimelineEvent
from services.sync.webhook_events import parse_event
from waybill.sync.v1 import sync_service_pb2 as pb

_DETAILS_CHARACTERS_MAX: Final = 100_000
_TYPE_CHARACTERS_MAX: Final = 100

ReportedEvent = ReportedPageEvent | ReportedTimelineEvent


def parse_events(
    request: pb.RecordEventsRequest, now: datetime
) -> list[tuple[str, ReportedEvent | DomainError]]:
    """Each event by its id, or why it is refused."""
    return list(_events(request, now))


def _events(
    request: pb.RecordEventsRequest, now: datetime
) -> Iterator[tuple[str, ReportedEvent | DomainError]]:
    for event in request.events:
        try:
            is_of_page = bool(event.platform)
            yield (
                event.event_id,
                _page_event(event, now) if is_of_page else _timeline_event(event, now),
            )
        except DomainError as error:
            yield event.event_id, error


def _page_event(event: pb.TimelineEvent, now: datetime) -> ReportedPageEvent:
    fields = Fields()
    org_id = fields.uuid("org_id", event.org_id)
    event_id = fields.uuid("event_id", event.event_id)
    platform = fields.one_of("platform", event.platform, PLATFORMS)
    facebook_page_id = fields.name("facebook_page_id", event.facebook_page_id)
    trace = fields.trace("traceparent", event.traceparent, event.tracestate)
    fields.done()
    reported_at = _time(event, now)
    interaction, reject, contact = None, None, ""
    try:
        parsed = parse_event(
            event.payload_json,
            facebook_page_id=facebook_page_id,
            event_id=event_id,
            reported_at=reported_at,
        )
        interaction, contact = parsed.interaction, parsed.contact_external_id
    except UnreadableError as error:
        reject = Reject(kind="event", reason=str(error), raw=_raw(event.payload_json))
    return ReportedPageEvent(
        org_id=org_id,
        event_id=event_id,
        platform=platform,
        facebook_page_id=facebook_page_id,
        contact_external_id=contact,
        interaction=interaction,
        reject=reject,
        reported_at=reported_at,
        trace=trace,
    )


def _timeline_event(event: pb.TimelineEvent, now: datetime) -> ReportedTimelineEvent:
    fields = Fields()
    details = fields.text("details_json", event.details_json, _DETAILS_CHARACTERS_MAX)
    payload = _object(details)
    if payload is None:
        fields.refuse("details_json", "is not a JSON object, for example {}")
    if not event.type.strip():
        fields.refuse("type", "is blank")
    reported = ReportedTimelineEvent(
        org_id=fields.uuid("org_id", event.org_id),
        event_id=fields.uuid("event_id", event.event_id),
        type=fields.text("type", event.type, _TYPE_CHARACTERS_MAX),
        lead_id=fields.optional_uuid("lead_id", event.lead_id),
        subject_id=fields.optional_uuid("subject_id", event.subject_id),
        payload=payload or {},
        content_hash=hash_of(payload),
        occurred_at=_time(event, now),
        trace=fields.trace("traceparent", event.traceparent, event.tracestate),
    )
    fields.done()
    return reported


def _object(text: str) -> dict[str, Any] | None:
    if not text:
        return {}
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return to_payload(value) if isinstance(value, dict) else None


def _raw(text: str) -> Any:
    """The JSON value where it can be stored; else the text."""
    try:
        return parse_json(text)
    except ValueError:
        return text


def _time(event: pb.TimelineEvent, now: datetime) -> datetime:
    if not event.HasField("occur_time"):
        return now
    try:
        return from_timestamp(event.occur_time)
    except ValueError:
        return now
