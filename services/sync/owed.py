"""Conversations whose messages did not all come along with the list: what of them is owed."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.sync.listing import ListedPage, Messages, completeness

# Meta shows 20 messages; what goes on for so many pages, or brings nothing so often, is a circle.
PAGES_MAX: Final = 50
IDLE_PAGES_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A conversation whose messages are asked for; `after` None: from the newest on."""

    thread_id: str
    contact_external_id: str
    contact_name: str
    updated_at: datetime
    message_count: int | None
    marks: tuple[str, ...] = ()
    """The messages that came, so that none is counted twice."""
    after: str | None = None
    pages: int = 0
    idle_pages: int = 0
    is_restarted: bool = False

    @property
    def shown(self) -> int:
        """How many messages came."""
        return len(self.marks)


def owed_messages(page: ListedPage, settled: Collection[str]) -> tuple[Inner, ...]:
    """Conversations of the page that owe messages, but for those that are settled."""
    return tuple(
        Inner(
            thread_id=each.thread_id,
            contact_external_id=each.contact_external_id,
            contact_name=each.contact_name,
            updated_at=each.updated_at,
            message_count=each.message_count,
            marks=() if each.messages.is_cut else tuple(dict.fromkeys(each.messages.marks)),
            after=each.messages.after,
            # Nothing leads on from there: all that can be done is to ask from the newest on.
            is_restarted=each.messages.is_cut,
        )
        for each in page.conversations
        if each.messages.has_more and each.thread_id not in settled
    )


def further(inner: Inner, messages: Messages) -> Inner | None:
    """What is owed of it after a page of its messages; None: nothing more can be asked for."""
    if messages.after is None:
        return None
    marks = tuple(dict.fromkeys((*inner.marks, *messages.marks)))
    idle_pages = inner.idle_pages + 1 if len(marks) == inner.shown else 0
    if idle_pages >= IDLE_PAGES_MAX or inner.pages + 1 >= PAGES_MAX:
        return None
    return replace(
        inner, marks=marks, after=messages.after, pages=inner.pages + 1, idle_pages=idle_pages
    )


def restarted(inner: Inner) -> Inner | None:
    """From the newest message on, once, where Meta refuses the cursor."""
    if inner.is_restarted:
        return None
    return replace(inner, marks=(), after=None, pages=0, idle_pages=0, is_restarted=True)


def inner_completeness(inner: Inner, messages: Messages) -> str:
    """What is proven of the conversation once these messages of it were read."""
    shown = len({*inner.marks, *messages.marks})
    return completeness(inner.message_count, shown, has_more=messages.has_more)
