"""Records as tuples of the composite types that stored functions take arrays of.

Each tuple has the attributes of its type, in order: migrations/0006_composite_types.sql.
"""

from collections.abc import Sequence
from typing import Any

from services.chassis.ids import new_id
from services.sync.records.conversations import ConversationToStore
from services.sync.records.events import Interaction, Reject, ReportedPageEvent
from services.sync.records.pulls import ThreadRead

Composite = tuple[Any, ...]


def conversations_to_store(conversations: Sequence[ConversationToStore]) -> list[Composite]:
    """As `conversation_to_store`, with ids for those that turn out to be new."""
    return [
        (
            new_id(),
            each.contact_external_id,
            each.thread_id,
            each.contact_name,
            each.listed_at,
            each.message_count,
            each.completeness,
        )
        for each in conversations
    ]


def events_to_store(conversations: Sequence[ConversationToStore]) -> list[Composite]:
    """The events of all of them as `event_to_store`; each names its conversation, from 1."""
    return [
        (position, *_content(event))
        for position, conversation in enumerate(conversations, 1)
        for event in conversation.interactions
    ]


def page_events(events: Sequence[ReportedPageEvent]) -> list[Composite]:
    """As `page_event`; the content of one that cannot be read is null."""
    return [
        (
            each.platform,
            each.facebook_page_id,
            each.contact_external_id,
            *(_content(each.interaction) if each.interaction else _unreadable(each)),
            each.reject.reason if each.reject else None,
            each.reject.raw_json if each.reject else None,
            each.reported_at,
            each.trace.traceparent,
        )
        for each in events
    ]


def threads_read(threads: Sequence[ThreadRead]) -> list[Composite]:
    """As `thread_read`."""
    return [(each.thread_id, each.updated_at, each.has_pending_messages) for each in threads]


def rejects_to_store(rejects: Sequence[Reject]) -> list[Composite]:
    """As `reject_to_store`."""
    return [(each.kind, each.reason, each.raw_hash, each.raw_json) for each in rejects]


def _content(event: Interaction) -> Composite:
    return (
        event.event_id,
        event.type,
        event.direction,
        event.actor,
        event.target,
        event.message_id,
        event.occurred_at,
        event.content_hash,
        event.content_at,
        event.text,
        event.payload,
    )


def _unreadable(event: ReportedPageEvent) -> Composite:
    """In place of the content of an event that cannot be read; only its id and type are stored."""
    return (event.event_id, "unreadable", *[None] * 9)
