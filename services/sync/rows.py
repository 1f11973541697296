"""What a call of the Graph API brought, as it is to be stored."""

from dataclasses import dataclass
from datetime import datetime

from services.sync.interactions import Interaction, Reject
from services.sync.listing import ListedConversation, ListedPage, Messages
from services.sync.owed import Inner, inner_completeness


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
class ThreadRead:
    """A thread of the list that was read as of `updated_at`."""

    thread_id: str
    updated_at: datetime
    owes_messages: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All that one call brought."""

    conversations: tuple[ConversationToStore, ...] = ()
    threads: tuple[ThreadRead, ...] = ()
    rejects: tuple[Reject, ...] = ()


def rows_of_list(page: ListedPage) -> Rows:
    """A page of conversations. One that cannot be read was read all the same."""
    owing = {each.thread_id for each in page.conversations if each.messages.has_more}
    return Rows(
        conversations=tuple(_listed(each) for each in page.conversations),
        threads=tuple(
            ThreadRead(
                thread_id=each.thread_id,
                updated_at=each.updated_at,
                owes_messages=each.thread_id in owing,
            )
            for each in page.entries
        ),
        rejects=page.rejects,
    )


def rows_of_messages(inner: Inner, messages: Messages) -> Rows:
    """More messages of one conversation."""
    shown = len({*inner.marks, *messages.marks})
    conversation = ConversationToStore(
        contact_external_id=inner.contact_external_id,
        thread_id=inner.thread_id,
        contact_name=inner.contact_name,
        listed_at=inner.updated_at,
        message_count=shown if inner.message_count is None else inner.message_count,
        completeness=inner_completeness(inner, messages),
        interactions=messages.interactions,
    )
    thread = ThreadRead(
        thread_id=inner.thread_id, updated_at=inner.updated_at, owes_messages=messages.has_more
    )
    return Rows(conversations=(conversation,), threads=(thread,), rejects=messages.rejects)


def _listed(listed: ListedConversation) -> ConversationToStore:
    shown = len(set(listed.messages.marks))
    return ConversationToStore(
        contact_external_id=listed.contact_external_id,
        thread_id=listed.thread_id,
        contact_name=listed.contact_name,
        listed_at=listed.updated_at,
        message_count=shown if listed.message_count is None else listed.message_count,
        completeness=listed.completeness,
        interactions=listed.messages.interactions,
    )
