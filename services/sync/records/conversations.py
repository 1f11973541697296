"""Conversations and their events: as they are to be stored, and as they are listed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sync.records.events import Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationToStore:
    """A conversation with events; `completeness` None leaves it as it is."""

    contact_external_id: str
    thread_id: str | None = None
    contact_name: str = ""
    listed_at: datetime | None = None
    message_count: int = 0
    completeness: str | None = None
    interactions: tuple[Interaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertedEvent:
    """What became of an event; `event_id` and `outcome` None: its conversation came without any.

    `outcome` is "stored", "merged" (it was known, and something new was learned) or "duplicate".
    """

    event_id: UUID | None
    outcome: str | None
    conversation_id: UUID
    conversation_created: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a page and a contact say to each other."""

    conversation_id: UUID
    page_id: UUID
    contact_external_id: str
    thread_id: str | None
    contact_name: str
    status: str
    version: int
    completeness: str
    message_count: int
    stored_message_count: int
    active_at: datetime
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationEvent:
    """An event of a conversation; a message that was edited has its newest text."""

    event_id: UUID
    type: str
    direction: str
    actor: str
    target: str
    message_id: str | None
    text: str
    deleted: bool
    occurred_at: datetime
    seen_by_webhook: bool
    seen_by_pull: bool
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChange:
    """A conversation's new status, and the version that was read."""

    conversation_id: UUID
    version: int
    status: str
