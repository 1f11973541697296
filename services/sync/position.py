"""Where a sync session stands in Meta's list, what it asks next, and what an answer proves.

The list is sorted by updated_time, newest first, and moves while it is read. A cursor is a hint:
one that was just given is followed; one that was kept from an earlier run is not trusted, and the
page before it is read again, which must meet what was read (it holds the last conversation, or
begins above it). Where it does not, there may be a hole, and the place is sought from the top. So
the end of a walk proves that everything was read that was in the list when it began; what moved
meanwhile is at the top and is read by a second, short walk ("head") down to where the first began.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from services.sync.listing import Entry, ListedPage, Messages, completeness

Phase = Literal["list", "seek", "head", "done"]
LIST: Final = "list"
SEEK: Final = "seek"
HEAD: Final = "head"
DONE: Final = "done"
STALLS_MAX: Final = 3
EMPTY_PAGES_MAX: Final = 50
RESTARTS_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A conversation whose messages did not all come along."""

    thread_id: str
    contact_external_id: str
    contact_name: str
    updated_at: datetime
    message_count: int
    shown: int
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a session stands. `until_at`: an incremental one need not read below it."""

    phase: Phase = LIST
    after: str | None = None
    before_last: str | None = None
    """The cursor that brought the last page; None: it was the first one."""
    pages: int = 0
    boundary: str | None = None
    oldest_at: datetime | None = None
    head_at: datetime | None = None
    second_head_at: datetime | None = None
    until_at: datetime | None = None
    limit: int = 100
    inner: tuple[Inner, ...] = ()
    stalls: int = 0
    empty_pages: int = 0
    restarts: int = 0
    reached_overlap: bool = False
    gave_up: bool = False

    @property
    def shown_phase(self) -> str:
        """The phase as it is shown: messages that are owed come first."""
        return "messages" if self.inner else self.phase

    @property
    def completeness(self) -> str:
        """What the session proves once it is done: "full", "to_overlap" or "partial"."""
        if self.gave_up:
            return "partial"
        return "to_overlap" if self.reached_overlap else "full"

    @property
    def watermark_at(self) -> datetime | None:
        """Up to when everything was read; None where that is not proven."""
        if self.phase != DONE or self.gave_up:
            return None
        return self.second_head_at or self.head_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The next call: a page of the list, with or without its contents, or of messages."""

    kind: Literal["list", "seek", "messages"]
    after: str | None
    limit: int
    thread_id: str = ""


def to_json(position: Position) -> dict[str, Any]:
    """As the session's row holds it."""
    built: dict[str, Any] = msgspec.to_builtins(position)
    return built


def from_json(value: dict[str, Any], *, limit: int, until_at: datetime | None) -> Position:
    """A session's position; an empty one begins with these bounds."""
    if not value:
        return Position(limit=limit, until_at=until_at)
    return msgspec.convert(value, Position)


def next_ask(position: Position, *, resumed: bool) -> Ask:
    """What to ask next; `resumed` where the cursor is from an earlier run."""
    if position.inner:
        inner = position.inner[0]
        return Ask(kind="messages", after=inner.after, limit=20, thread_id=inner.thread_id)
    if position.phase == SEEK:
        return Ask(kind="seek", after=position.after, limit=500)
    after = position.before_last if _rereads(position, resumed=resumed) else position.after
    return Ask(kind="list", after=after, limit=position.limit)


def _rereads(position: Position, *, resumed: bool) -> bool:
    return resumed and position.pages > 0


def after_list(position: Position, ask: Ask, page: ListedPage, *, resumed: bool) -> Position:
    """Where the session stands after a page of the list."""
    if position.phase == SEEK:
        return _after_seek(position, ask, page)
    if position.phase == HEAD:
        return _after_head(position, ask, page, resumed=resumed)
    if (
        _rereads(position, resumed=resumed)
        and ask.after is not None
        and not _meets(position, page.entries)
    ):
        return sought(position)
    moved = _moved(position, ask, page)
    if moved.stalls >= STALLS_MAX or moved.empty_pages >= EMPTY_PAGES_MAX:
        return sought(moved)
    if _below(page.entries, position.until_at):
        return _list_ended(replace(moved, reached_overlap=True))
    return moved if page.after is not None else _list_ended(moved)


def after_messages(position: Position, messages: Messages) -> Position:
    """Where the session stands after a page of the messages that it owed first."""
    inner, *rest = position.inner
    if messages.after is None or messages.after == inner.after:
        return replace(position, inner=tuple(rest))
    shown = inner.shown + messages.shown
    return replace(position, inner=(replace(inner, shown=shown, after=messages.after), *rest))


def inner_completeness(inner: Inner, messages: Messages) -> str:
    """What is proven of the conversation once these messages of it were read."""
    more = None if messages.after == inner.after else messages.after
    return completeness(inner.message_count, inner.shown + messages.shown, more=more)


def rejected(position: Position) -> Position:
    """Where the session stands when Meta refuses the cursor that it sent."""
    if position.inner:
        # Its messages stay "partial"; a later session reads them anew.
        return replace(position, inner=position.inner[1:])
    return sought(position)


def sought(position: Position) -> Position:
    """Has the place sought from the top; given up, and said so, after too many times."""
    if position.restarts >= RESTARTS_MAX:
        return replace(position, phase=DONE, gave_up=True)
    begun = replace(
        position, after=None, before_last=None, stalls=0, empty_pages=0, pages=0,
        restarts=position.restarts + 1,
    )  # fmt: skip
    if position.phase == HEAD:
        return replace(begun, second_head_at=None)
    return replace(begun, phase=LIST if position.oldest_at is None else SEEK)


def smaller(position: Position) -> Position | None:
    """With half of what is asked per call, or None where it cannot be less."""
    if position.limit <= 1:
        return None
    return replace(position, limit=position.limit // 2)


def _after_seek(position: Position, ask: Ask, page: ListedPage) -> Position:
    """Goes on with the list from the page that holds the place, or lies below it, or is the last.

    It begins at or above the place and was reached from the top without a gap.
    """
    found = any(entry.thread_id == position.boundary for entry in page.entries)
    if found or page.after is None or _below(page.entries, position.oldest_at):
        return replace(
            position, phase=LIST, after=ask.after, before_last=ask.after, pages=0, boundary=None,
            oldest_at=None, stalls=0, empty_pages=0,
        )  # fmt: skip
    if page.after == ask.after:
        return sought(position)
    empty_pages = 0 if page.entries else position.empty_pages + 1
    moved = replace(position, after=page.after, empty_pages=empty_pages)
    return moved if empty_pages < EMPTY_PAGES_MAX else sought(moved)


def _after_head(position: Position, ask: Ask, page: ListedPage, *, resumed: bool) -> Position:
    if resumed and position.pages > 0:
        # Short enough to be walked again, which needs no trust in its cursors.
        return replace(position, after=None, before_last=None, pages=0)
    newest_at = position.second_head_at or (page.entries[0].updated_at if page.entries else None)
    moved = replace(position, after=page.after, pages=position.pages + 1, second_head_at=newest_at)
    if page.after is None or _below(page.entries, position.head_at):
        return replace(moved, phase=DONE)
    if page.after == ask.after or moved.pages > EMPTY_PAGES_MAX:
        return sought(position)
    return moved


def _meets(position: Position, entries: tuple[Entry, ...]) -> bool:
    """Whether the page holds the last conversation that was read, or begins above it."""
    if not entries or position.oldest_at is None:
        return False
    if entries[0].updated_at > position.oldest_at:
        return True
    return any(entry.thread_id == position.boundary for entry in entries)


def _moved(position: Position, ask: Ask, page: ListedPage) -> Position:
    """One page further; a page that leads no further down is counted as a stall."""
    stalled = page.after is not None and page.after == ask.after
    common = replace(position, after=page.after, before_last=ask.after, pages=position.pages + 1)
    if not page.entries:
        return replace(
            common,
            empty_pages=position.empty_pages + 1,
            stalls=position.stalls + stalled,
            # An empty page meets nothing: the one before it is read again.
            before_last=position.before_last if position.pages else ask.after,
        )
    last = page.entries[-1]
    if position.oldest_at is not None and last.updated_at > position.oldest_at:
        stalled = True
    if stalled:
        return replace(common, stalls=position.stalls + 1)
    return replace(
        common,
        stalls=0,
        empty_pages=0,
        boundary=last.thread_id,
        oldest_at=last.updated_at,
        head_at=position.head_at or page.entries[0].updated_at,
    )


def _list_ended(position: Position) -> Position:
    """A walk of one page cannot have missed what moved; a longer one looks at the top again."""
    if position.pages <= 1 and position.restarts == 0:
        return replace(position, phase=DONE)
    return replace(position, phase=HEAD, after=None, before_last=None, pages=0)


def _below(entries: tuple[Entry, ...], moment: datetime | None) -> bool:
    return bool(entries) and moment is not None and entries[-1].updated_at < moment
