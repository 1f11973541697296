"""A messaging event of a Messenger or Instagram webhook as an interaction.

Shapes: Meta's webhook documentation. What only refers to a message (reactions, edits, deletes,
reads) is an event of its own with that message as its target, so its order does not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.sync.json_text import parse_json
from services.sync.meta_values import (
    UnreadableError,
    to_id,
    to_message_id,
    to_payload,
    to_text,
    to_time,
)
from services.sync.records.events import Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedInteraction:
    """An interaction, and the contact of the page."""

    contact_external_id: str
    interaction: Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class _EventContent:
    """An event's own content."""

    type: str
    target: str = ""
    message_id: str | None = None
    text: str = ""
    is_echo: bool = False
    watermark: datetime | None = None


def parse_event(
    payload: str, *, facebook_page_id: str, event_id: UUID, reported_at: datetime
) -> ParsedInteraction:
    """The event that the JSON describes. Raises UnreadableError."""
    event = _object(payload)
    content = _content(event)
    sender, recipient = (_party(event.get(side)) for side in ("sender", "recipient"))
    contact = next(
        (each for each in (sender, recipient) if each not in (None, facebook_page_id)), None
    )
    if contact is None:
        raise UnreadableError("it names only the page")
    # Delivery receipts may come without a time of their own.
    occurred_at = to_time(event.get("timestamp")) or content.watermark
    if occurred_at is None and content.message_id is None:
        raise UnreadableError("it has neither an id nor a time")
    is_out = content.is_echo or sender == facebook_page_id
    return ParsedInteraction(
        contact_external_id=contact,
        interaction=Interaction(
            event_id=event_id,
            type=content.type,
            direction="out" if is_out else "in",
            actor=facebook_page_id if is_out else contact,
            target=content.target,
            message_id=content.message_id,
            occurred_at=occurred_at or reported_at,
            content_at=occurred_at or reported_at,
            text=content.text,
            payload=to_payload(event),
        ),
    )


def _object(payload: str) -> dict[str, Any]:
    try:
        event = parse_json(payload)
    except ValueError as error:
        raise UnreadableError(str(error)) from None
    if not isinstance(event, dict):
        raise UnreadableError("not an object")
    return event


def _party(side: Any) -> str | None:
    if not isinstance(side, dict):
        return None
    return to_id(side.get("id")) or to_id(side.get("user_ref"))


def _content(event: dict[str, Any]) -> _EventContent:
    for name, read in _READERS.items():
        if name in event:
            part = event[name]
            if not isinstance(part, dict):
                raise UnreadableError(f"{name} is not an object")
            return read(part)
    other = sorted(set(event) - {"sender", "recipient", "timestamp"})
    return _EventContent(type=to_text(other[0])[:100] if other and other[0] else "other")


def _message(message: dict[str, Any]) -> _EventContent:
    mid = to_message_id(message.get("mid"))
    if mid is None:
        raise UnreadableError("the message has no mid")
    if message.get("is_deleted"):
        return _EventContent(type="delete", target=mid)
    return _EventContent(
        type="message",
        message_id=mid,
        text=to_text(message.get("text")),
        is_echo=bool(message.get("is_echo")),
    )


def _postback(postback: dict[str, Any]) -> _EventContent:
    mid = to_message_id(postback.get("mid"))
    return _EventContent(type="postback", message_id=mid, text=to_text(postback.get("title")))


def _reaction(reaction: dict[str, Any]) -> _EventContent:
    target = to_message_id(reaction.get("mid"))
    if target is None:
        raise UnreadableError("the reaction has no mid")
    return _EventContent(type="reaction", target=target, text=to_text(reaction.get("emoji")))


def _edit(edit: dict[str, Any]) -> _EventContent:
    target = to_message_id(edit.get("mid"))
    if target is None:
        raise UnreadableError("the edit has no mid")
    return _EventContent(type="edit", target=target, text=to_text(edit.get("text")))


def _read(read: dict[str, Any]) -> _EventContent:
    target = to_message_id(read.get("mid")) or ""
    return _EventContent(type="read", target=target, watermark=to_time(read.get("watermark")))


def _delivery(delivery: dict[str, Any]) -> _EventContent:
    return _EventContent(type="delivery", watermark=to_time(delivery.get("watermark")))


_READERS: Final[dict[str, Callable[[dict[str, Any]], _EventContent]]] = {
    "message": _message,
    "postback": _postback,
    "reaction": _reaction,
    "message_edit": _edit,
    "read": _read,
    "delivery": _delivery,
}
