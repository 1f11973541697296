"""A page of Meta's list of conversations, or of one conversation's messages, as read.

A tolerant reader: what cannot be read is a reject of its own and stops nothing else. Shapes: Meta's
Graph API documentation of the conversations edge.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.sync.cursors import next_cursor
from services.sync.interactions import (
    Interaction,
    Reject,
    UnreadableError,
    hash_of,
    to_id,
    to_message_id,
    to_payload,
    to_text,
    to_time,
)
from services.sync.kept import kept

# Details of a conversation's 20 newest messages are all that Meta shows.
MESSAGES_SHOWN_MAX: Final = 20
FULL: Final = "full"
TRUNCATED: Final = "truncated_20"
PARTIAL: Final = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A place in the list: whose, and when last updated."""

    thread_id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Messages of one conversation, newest first; `after` where there are more to ask for.

    `is_cut`: there are more, and nothing leads to them.
    """

    interactions: tuple[Interaction, ...] = ()
    rejects: tuple[Reject, ...] = ()
    marks: tuple[str, ...] = ()
    """What tells one message from another, those that cannot be read included."""
    after: str | None = None
    is_cut: bool = False

    @property
    def has_more(self) -> bool:
        """Whether they are not the last ones."""
        return self.is_cut or self.after is not None


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
    messages: Messages

    @property
    def completeness(self) -> str:
        """What the messages that came along prove."""
        shown = len(set(self.messages.marks))
        return completeness(self.message_count, shown, has_more=self.messages.has_more)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """One page of the list; `after` is None where nothing follows, whatever cursors it has."""

    entries: tuple[Entry, ...] = ()
    conversations: tuple[ListedConversation, ...] = ()
    rejects: tuple[Reject, ...] = ()
    after: str | None = None


def completeness(message_count: int | None, shown: int, *, has_more: bool) -> str:
    """Whether a conversation's messages are all there: "full", "truncated_20" or "partial"."""
    if has_more:
        return PARTIAL
    # What lies beyond the newest 20 is not shown, which does not mean that it was deleted.
    if shown >= MESSAGES_SHOWN_MAX and (message_count is None or message_count > shown):
        return TRUNCATED
    return FULL if message_count is None or message_count <= shown else PARTIAL


def parse_list(body: bytes, facebook_page_id: str, *, ids_only: bool = False) -> ListedPage:
    """A page of the list of conversations. Raises UnreadableError where it is none."""
    answer = _answer(body)
    entries, conversations, rejects = [], [], []
    for item in answer["data"]:
        entry = _entry(item)
        if entry is None:
            rejects.append(Reject(kind="conversation", reason="no id or time", raw=kept(item)))
            continue
        entries.append(entry)
        if ids_only:
            continue
        try:
            conversations.append(_conversation(item, entry, facebook_page_id))
        except UnreadableError as error:
            rejects.append(Reject(kind="participant", reason=str(error), raw=kept(item)))
    rejects += [each for one in conversations for each in one.messages.rejects]
    return ListedPage(
        entries=tuple(entries),
        conversations=tuple(conversations),
        rejects=tuple(rejects),
        after=next_cursor(answer),
    )


def parse_messages(body: bytes, facebook_page_id: str, content_at: datetime) -> Messages:
    """A page of one conversation's messages. Raises UnreadableError where it is none."""
    return _messages(_answer(body), facebook_page_id, content_at)


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableError("the answer is not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise UnreadableError("the answer has no data")
    return answer


def _entry(item: Any) -> Entry | None:
    if not isinstance(item, dict):
        return None
    thread_id, updated_at = to_id(item.get("id")), to_time(item.get("updated_time"))
    if thread_id is None or updated_at is None:
        return None
    return Entry(thread_id=thread_id, updated_at=updated_at)


def _conversation(item: dict[str, Any], entry: Entry, facebook_page_id: str) -> ListedConversation:
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
    """Who it is with: the participant that is not the page, else whoever wrote to it."""
    for person in _data(item.get("participants")):
        if not isinstance(person, dict):
            continue
        person_id = to_id(person.get("id"))
        if person_id and person_id != facebook_page_id:
            name = to_text(person.get("name")) or to_text(person.get("username"))
            return person_id, name[:200]
    writer = next((each.actor for each in interactions if each.direction == "in"), None)
    if writer is None:
        raise UnreadableError("nobody but the page takes part")
    return writer, ""


def _messages(holder: Any, facebook_page_id: str, content_at: datetime) -> Messages:
    interactions, rejects, marks = [], [], []
    for item in _data(holder):
        try:
            message = _message(item, facebook_page_id, content_at)
            interactions.append(message)
            marks.append(_mark(message.message_id))
        except UnreadableError as error:
            raw = kept(item)
            rejects.append(Reject(kind="message", reason=str(error), raw=raw))
            marks.append(_mark(raw))
    try:
        after, is_cut = next_cursor(holder), False
    except UnreadableError:
        after, is_cut = None, True
    return Messages(
        interactions=tuple(interactions),
        rejects=tuple(rejects),
        marks=tuple(marks),
        after=after,
        is_cut=is_cut,
    )


def _mark(value: Any) -> str:
    """Short, as it is kept with the session: ids of Meta's have up to 200 characters."""
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
        payload=to_payload(kept(item)),
    )


def _data(holder: Any) -> list[Any]:
    data = holder.get("data") if isinstance(holder, dict) else None
    return data if isinstance(data, list) else []
