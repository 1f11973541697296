"""What sync's RPCs ask, as records: all violations of a request are raised together."""

from datetime import datetime
from typing import Final
from uuid import UUID

from services.chassis.fields import NAME_CHARACTERS_MAX, Fields
from services.sync.records.conversations import ConversationChange
from services.sync.records.pages import PageToConnect
from services.sync.records.sessions import SyncToRun
from waybill.sync.v1 import sync_service_pb2 as pb

PLATFORMS: Final = ("messenger", "instagram")
BACKGROUND_MODES: Final = ("full", "incremental")
CONVERSATION_STATUSES: Final = ("open", "closed")
ACCESS_TOKEN_CHARACTERS_MAX: Final = 2_000
_QUERY_CHARACTERS_MIN: Final = 2
_QUERY_CHARACTERS_MAX: Final = 200


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
        fields.refuse("access_token", "has a character that is not printable ASCII")
    fields.done()
    return page


def parse_sync(request: pb.SyncConversationsRequest) -> SyncToRun:
    """The sync to run."""
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
    """The page whose conversations are listed; None: all."""
    fields = Fields()
    page_id = fields.optional_uuid("page_id", request.page_id)
    fields.done()
    return page_id


def parse_query(request: pb.SearchConversationsRequest) -> str:
    """The text to search for."""
    fields = Fields()
    query = fields.text("query", request.query, _QUERY_CHARACTERS_MAX)
    if len(query) < _QUERY_CHARACTERS_MIN:
        fields.refuse("query", f"has fewer than {_QUERY_CHARACTERS_MIN} characters")
    fields.done()
    return query


def parse_time_and_id(keys: tuple[str, ...]) -> tuple[datetime, UUID]:
    """The sort keys in a page token of ours. Raises ValueError."""
    time_text, id_text = keys
    time = datetime.fromisoformat(time_text)
    if time.tzinfo is None:
        raise ValueError("has no time zone")
    return time, UUID(id_text)
