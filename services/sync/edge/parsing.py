"""What sync's RPCs ask, parsed: all that is wrong with a request is said together."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from services.chassis.errors import DomainError
from services.chassis.fields import NAME_CHARACTERS_MAX, Fields
from services.sync.meta_values import Reject, UnreadableError, hash_of, to_payload
from services.sync.json_text import parse_json
from services.sync.store.conversations import ReportedPageEvent, ReportedTimelineEvent
from services.sync.webhook_events import parse_event
from waybill.sync.v1 import sync_service_pb2 as pb

PLATFORMS: Final = ("messenger", "instagram")
BACKGROUND_MODES: Final = ("full", "incremental")
CONVERSATION_STATUSES: Final = ("open", "closed")
ACCESS_TOKEN_CHARACTERS_MAX: Final = 2_000
EVENTS_MAX: Final = 500
_DETAILS_CHARACTERS_MAX: Final = 100_000
_QUERY_CHARACTERS_MIN: Final = 2
_QUERY_CHARACTERS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToConnect:
    """A page as asked for."""

    platform: str
    facebook_page_id: str
    name: str
    access_token: str
    external_app_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncToRun:
    """What to pull, and the session to go on with."""

    page_id: UUID
    facebook_page_id: str
    resume_session: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChange:
    """A conversation's status, and the version that was read."""

    conversation_id: UUID
    version: int
    status: str


def parse_page_to_connect(request: pb.ConnectPageRequest) -> PageToConnect:
    """The page to connect."""
    fields = Fields()
    page = PageToConnect(
        platform=fields.one_of("platform", request.platform, PLATFORMS),
        facebook_page_id=fields.name("facebook_page_id", request.facebook_page_id),
        name=fields.text("name", request.name, NAME_CHARACTERS_MAX),
        access_token=fields.text("access_token", request.access_token, ACCESS_TOKEN_CHARACTERS_MAX),
        external_app_id=fields.text(
            "external_app_id", request.external_app_id, NAME_CHARACTERS_MAX
        ),
    )
    if not page.access_token.isascii() or not page.access_token.isprintable():
        fields.refuse("access_token", "holds a character that no token has")
    fields.done()
    return page


def parse_sync(request: pb.SyncConversationsRequest) -> SyncToRun:
    """The sync to run. An id that is none of ours reads like one that is not there."""
    fields = Fields()
    sync = SyncToRun(
        page_id=fields.uuid("page_id", request.page_id),
        facebook_page_id=fields.name("facebook_page_id", request.facebook_page_id),
        resume_session=fields.optional_uuid("resume_session", request.resume_session),
    )
    fields.done()
    return sync


def parse_background(request: pb.StartSyncRequest) -> tuple[UUID, str]:
    """The page, and the mode of the session to start."""
    fields = Fields()
    parsed = (
        fields.uuid("page_id", request.page_id),
        fields.one_of("mode", request.mode, BACKGROUND_MODES),
    )
    fields.done()
    return parsed


def parse_change(request: pb.UpdateConversationRequest) -> ConversationChange:
    """The change of a conversation."""
    fields = Fields()
    change = ConversationChange(
        conversation_id=fields.uuid("conversation_id", request.conversation_id),
        version=fields.number("version", request.version, 1, 2**31 - 2),
        status=fields.one_of("status", request.status, CONVERSATION_STATUSES),
    )
    fields.done()
    return change


def parse_conversations_of(request: pb.ListConversationsRequest) -> UUID | None:
    """The page whose conversations are asked for; None: all."""
    fields = Fields()
    page_id = fields.optional_uuid("page_id", request.page_id)
    fields.done()
    return page_id


def parse_query(request: pb.SearchConversationsRequest) -> str:
    """What is looked for."""
    fields = Fields()
    query = fields.text("query", request.query, _QUERY_CHARACTERS_MAX)
    if len(query) < _QUERY_CHARACTERS_MIN:
        fields.refuse("query", f"has fewer than {_QUERY_CHARACTERS_MIN} characters")
    fields.done()
    return query


ReportedEvent = ReportedPageEvent | ReportedTimelineEvent


def parse_events(
    request: pb.RecordEventsRequest, now: datetime
) -> list[tuple[str, ReportedEvent | DomainError]]:
    """Each event by its id, or why it is refused. INVALID_REQUEST where there are too many."""
    fields = Fields()
    if len(request.events) > EVENTS_MAX:
        fields.refuse("events", f"has more than {EVENTS_MAX} items")
    fields.done()
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
        told = parse_event(
            event.payload_json,
            facebook_page_id=facebook_page_id,
            event_id=event_id,
            reported_at=reported_at,
        )
        interaction, contact = told.interaction, told.contact_external_id
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
        fields.refuse("details_json", "is no JSON object")
    if not event.type.strip():
        fields.refuse("type", "is blank")
    told = ReportedTimelineEvent(
        org_id=fields.uuid("org_id", event.org_id),
        event_id=fields.uuid("event_id", event.event_id),
        type=fields.text("type", event.type, 100),
        lead_id=fields.optional_uuid("lead_id", event.lead_id),
        subject_id=fields.optional_uuid("subject_id", event.subject_id),
        payload=payload or {},
        content_hash=hash_of(payload),
        occurred_at=_time(event, now),
        trace=fields.trace("traceparent", event.traceparent, event.tracestate),
    )
    fields.done()
    return told


def _object(text: str) -> dict[str, Any] | None:
    if not text:
        return {}
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return to_payload(value) if isinstance(value, dict) else None


def _raw(text: str) -> Any:
    """As it came, as far as it is JSON that can be kept; else the text."""
    try:
        return parse_json(text)
    except ValueError:
        return text


def _time(event: pb.TimelineEvent, now: datetime) -> datetime:
    if not event.HasField("occur_time"):
        return now
    try:
        return event.occur_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return now
