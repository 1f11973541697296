"""Conversations of which the list brought only some messages: what is still to be read of them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.sync.graph_lists import ListResponse, MessagesResponse, completeness

# Meta shows 20 messages: what goes on for so many responses, or brings nothing so often, is a loop.
RESPONSES_MAX: Final = 50
IDLE_RESPONSES_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMessages:
    """A conversation whose messages are still to be read; `after` None: from the newest on."""

    thread_id: str
    contact_external_id: str
    contact_name: str
    updated_at: datetime
    message_count: int | None
    fingerprints: tuple[str, ...] = ()
    """Of the messages that were read, so that each is counted once."""
    after: str | None = None
    responses: int = 0
    idle_responses: int = 0
    is_restarted: bool = False

    @property
    def read_count(self) -> int:
        """How many messages were read."""
        return len(self.fingerprints)


def pending_messages_of(
    response: ListResponse, excluded: Collection[str]
) -> tuple[PendingMessages, ...]:
    """Conversations of the response with pending messages, but for the excluded threads."""
    return tuple(
        PendingMessages(
            thread_id=each.thread_id,
            contact_external_id=each.contact_external_id,
            contact_name=each.contact_name,
            updated_at=each.updated_at,
            message_count=each.message_count,
            # Without a cursor nothing leads on: they can only be read from the newest on.
            fingerprints=() if each.messages.lacks_cursor else _distinct(each.messages),
            after=each.messages.after,
            is_restarted=each.messages.lacks_cursor,
        )
        for each in response.conversations
        if each.messages.has_more and each.thread_id not in excluded
    )


def advance(pending: PendingMessages, messages: MessagesResponse) -> PendingMessages | None:
    """What is pending after a response; None: nothing more can be requested."""
    if messages.after is None:
        return None
    fingerprints = tuple(dict.fromkeys((*pending.fingerprints, *messages.fingerprints)))
    is_idle = len(fingerprints) == pending.read_count
    idle_responses = pending.idle_responses + 1 if is_idle else 0
    if idle_responses >= IDLE_RESPONSES_MAX or pending.responses + 1 >= RESPONSES_MAX:
        return None
    return replace(
        pending, fingerprints=fingerprints, after=messages.after, responses=pending.responses + 1,
        idle_responses=idle_responses,
    )  # fmt: skip


def restart(pending: PendingMessages) -> PendingMessages | None:
    """From the newest message on, once, where Meta refuses the cursor."""
    if pending.is_restarted:
        return None
    return replace(
        pending, fingerprints=(), after=None, responses=0, idle_responses=0, is_restarted=True
    )


def completeness_after(pending: PendingMessages, messages: MessagesResponse) -> str:
    """How complete the conversation is once these messages are read."""
    read_count = len({*pending.fingerprints, *messages.fingerprints})
    return completeness(pending.message_count, read_count, has_more=messages.has_more)


def _distinct(messages: MessagesResponse) -> tuple[str, ...]:
    return tuple(dict.fromkeys(messages.fingerprints))
