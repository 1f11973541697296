"""What a call of the Graph API brought, as it is to be stored."""

from dataclasses import dataclass
from datetime import datetime

from services.sync.interactions import Interaction, Reject
from services.sync.listing import ListedConversation, ListedPage, Messages
from services.sync.position import Inner, inner_completeness


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
class Rows:
    """All that one call brought."""

    conversations: tuple[ConversationToStore, ...] = ()
    rejects: tuple[Reject, ...] = ()


def rows_of_list(page: ListedPage) -> Rows:
    """A page of conversations."""
    return Rows(
        conversations=tuple(_listed(each) for each in page.conversations), rejects=page.rejects
    )


def rows_of_messages(inner: Inner, messages: Messages) -> Rows:
    """More messages of one conversation."""
    conversation = ConversationToStore(
        contact_external_id=inner.contact_external_id,
        thread_id=inner.thread_id,
        contact_name=inner.contact_name,
        listed_at=inner.updated_at,
        message_count=inner.message_count,
        completeness=inner_completeness(inner, messages),
        interactions=messages.interactions,
    )
    return Rows(conversations=(conversation,), rejects=messages.rejects)


def owed_messages(page: ListedPage) -> tuple[Inner, ...]:
    """Conversations of the page whose messages did not all come along."""
    return tuple(
        Inner(
            thread_id=each.thread_id,
            contact_external_id=each.contact_external_id,
            contact_name=each.contact_name,
            updated_at=each.updated_at,
            message_count=each.message_count,
            shown=each.messages.shown,
            after=each.messages.after,
        )
        for each in page.conversations
        if each.messages.after is not None
    )


def _listed(listed: ListedConversation) -> ConversationToStore:
    return ConversationToStore(
        contact_external_id=listed.contact_external_id,
        thread_id=listed.thread_id,
        contact_name=listed.contact_name,
        listed_at=listed.updated_at,
        message_count=listed.message_count,
        completeness=listed.completeness,
        interactions=listed.messages.interactions,
    )
