"""Responses of Meta's list of conversations, and of one conversation's messages, as read.

A tolerant reader: what cannot be read is a reject of its own and stops nothing else. Shapes: Meta's
Graph API documentation of the conversations edge.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.sync.cursors import next_cursor
from services.sync.json_text import hash_of
from services.sync.meta_values import (
    UnreadableError,
    to_id,
    to_message_id,
    to_payload,
    to_text,
    to_time,
)
from services.sync.records.events import Interaction, Reject
from services.sync.redaction import redacted

# Details of a conversation's 20 newest messages are all that Meta shows.
MESSAGES_SHOWN_MAX: Final = 20
FULL: Final = "full"
TRUNCATED: Final = "truncated_20"
PARTIAL: Final = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """A conversation's place in the list: its thread, and when it was last updated."""

    thread_id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesResponse:
    """Messages of one conversation, newest first; `after` is the cursor of more.

    `lacks_cursor`: there are more, but no cursor leads to them.
    """

    interactions: tuple[Interaction, ...] = ()
    rejects: tuple[Reject, ...] = ()
    fingerprints: tuple[str, ...] = ()
    """One for each message, those that cannot be read included."""
    after: str | None = None
    lacks_cursor: bool = False

    @property
    def has_more(self) -> bool:
        """Whether they are not the last ones."""
        return self.lacks_cursor or self.after is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConversation:
    """A conversation as listed, with those of its messages that came along.

    `message_count` is None where Meta does not say how many there are.
    """

    thread_id: str
    contact_external_id: str
    contact_name: str
    updated_at: datetime
    message_count: int | None
    messages: MessagesResponse

    @property
    def completeness(self) -> str:
        """What the messages that came along prove."""
        read_count = len(set(self.messages.fingerprints))
        return completeness(self.message_count, read_count, has_more=self.messages.has_more)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListResponse:
    """A stretch of the list; `after` is None where nothing follows, whatever cursors it has."""

    entries: tuple[ListEntry, ...] = ()
    conversations: tuple[ListedConversation, ...] = ()
    rejects: tuple[Reject, ...] = ()
    after: str | None = None


def completeness(message_count: int | None, read_count: int, *, has_more: bool) -> str:
    """Whether a conversation's messages are all there: "full", "truncated_20" or "partial"."""
    if has_more:
        return PARTIAL
    # What lies beyond the newest 20 is not shown, which does not mean that it was deleted.
    if read_count >= MESSAGES_SHOWN_MAX and (message_count is None or message_count > read_count):
        return TRUNCATED
    return FULL if message_count is None or message_count <= read_count else PARTIAL


def parse_list(body: bytes, facebook_page_id: str, *, ids_only: bool = False) -> ListResponse:
    """A response of the list of conversations. Raises UnreadableError for anything else."""
    response = _response(body)
    entries, conversations, rejects = [], [], []
    for item in response["data"]:
        entry = _entry(item)
        if entry is None:
            rejects.append(Reject(kind="conversation", reason="no id or time", raw=redacted(item)))
            continue
        entries.append(entry)
        if ids_only:
            continue
        try:
            conversations.append(_conversation(item, entry, facebook_page_id))
        except UnreadableError as error:
            rejects.append(Reject(kind="participant", reason=str(error), raw=redacted(item)))
    rejects += [each for one in conversations for each in one.messages.rejects]
    return ListResponse(
        entries=tuple(entries),
        conversations=tuple(conversations),
        rejects=tuple(rejects),
        after=next_cursor(response),
    )


def parse_messages(body: bytes, facebook_page_id: str, content_at: datetime) -> MessagesResponse:
    """A response of one conversation's messages. Raises UnreadableError for anything else."""
    return _messages(_response(body), facebook_page_id, content_at)


def _response(body: bytes) -> dict[str, Any]:
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("the response is not JSON") from None
    if not isinstance(response, dict) or not isinstance(response.get("data"), list):
        raise UnreadableError("the response has no data")
    return response


def _entry(item: Any) -> ListEntry | None:
    if not isinstance(item, dict):
        return None
    thread_id, updated_at = to_id(item.get("id")), to_time(item.get("updated_time"))
    if thread_id is None or updated_at is None:
        return None
    return ListEntry(thread_id=thread_id, updated_at=updated_at)


def _conversation(
    item: dict[str, Any], entry: ListEntry, facebook_page_id: str
) -> ListedConversation:
    messages = _messages(item.get("messages"), facebook_page_id, entry.updated_at)
    contact_id, name = _contact(item, messages.interactions, facebook_page_id)
    count = item.get("message_count")
    is_count = isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31
    return ListedConversation(
        thread_id=entry.thread_id,
        contact_external_id=contact_id,
        contact_name=name,
        updated_at=entry.updated_at,
        message_count=count if is_count else None,
        messages=messages,
    )


def _contact(
    item: dict[str, Any], interactions: Sequence[Interaction], facebook_page_id: str
) -> tuple[str, str]:
    """The contact's id and name: the participant that is not the page, else the first writer."""
    for person in _data(item.get("participants")):
        if not isinstance(person, dict):
            continue
        person_id = to_id(person.get("id"))
        if person_id and person_id != facebook_page_id:
            name = to_text(person.get("name")) or to_text(person.get("username"))
            return person_id, name[:200]
    writer = next((each.actor for each in interactions if each.direction == "in"), None)
    if writer is None:
        raise UnreadableError("the page is the only participant")
    return writer, ""


def _messages(holder: Any, facebook_page_id: str, content_at: datetime) -> MessagesResponse:
    interactions, rejects, fingerprints = [], [], []
    for item in _data(holder):
        try:
            message = _message(item, facebook_page_id, content_at)
            interactions.append(message)
            fingerprints.append(_fingerprint(message.message_id))
        except UnreadableError as error:
            raw = redacted(item)
            rejects.append(Reject(kind="message", reason=str(error), raw=raw))
            fingerprints.append(_fingerprint(raw))
    try:
        after, lacks_cursor = next_cursor(holder), False
    except UnreadableError:
        after, lacks_cursor = None, True
    return MessagesResponse(
        interactions=tuple(interactions),
        rejects=tuple(rejects),
        fingerprints=tuple(fingerprints),
        after=after,
        lacks_cursor=lacks_cursor,
    )


def _fingerprint(value: Any) -> str:
    """Short, as the session's row holds it: Meta's ids have up to 200 characters."""
    return hash_of(value)[:12]


def _message(item: Any, facebook_page_id: str, content_at: datetime) -> Interaction:
    if not isinstance(item, dict):
        raise UnreadableError("not an object")
    message_id = to_message_id(item.get("id"))
    created_at = to_time(item.get("created_time"))
    writer = item.get("from")
    actor = to_id(writer.get("id")) if isinstance(writer, dict) else None
    for missing, name in ((message_id, "id"), (created_at, "created_time"), (actor, "from")):
        if missing is None:
            raise UnreadableError(f"no {name}")
    assert created_at is not None
    assert actor is not None
    return Interaction(
        type="message",
        direction="out" if actor == facebook_page_id else "in",
        actor=actor,
        message_id=message_id,
        occurred_at=created_at,
        content_at=max(content_at, created_at),
        text=to_text(item.get("message")),
        payload=to_payload(redacted(item)),
    )


def _data(holder: Any) -> list[Any]:
    data = holder.get("data") if isinstance(holder, dict) else None
    return data if isinstance(data, list) else []
