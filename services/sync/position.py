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

Phase = Literal["list", "head", "done"]
LIST: Final = "list"
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
    seeking: bool = False
    """The place of the walk is sought from the top."""
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
    """How often the place was sought since the walk last came further down than ever."""
    deepest_at: datetime | None = None
    was_sought: bool = False
    must_meet: bool = False
    """The next page is to meet what was read, as the one asked for was empty."""
    reached_overlap: bool = False
    gave_up: bool = False

    @property
    def shown_phase(self) -> str:
        """The phase as it is shown: messages that are owed come first."""
        if self.inner:
            return "messages"
        return "seek" if self.seeking else self.phase

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
    if position.seeking:
        return Ask(kind="seek", after=position.after, limit=500)
    after = position.before_last if _rereads(position, resumed=resumed) else position.after
    return Ask(kind="list", after=after, limit=position.limit)


def _rereads(position: Position, *, resumed: bool) -> bool:
    return resumed and position.pages > 0


def after_list(position: Position, ask: Ask, page: ListedPage, *, resumed: bool) -> Position:
    """Where the session stands after a page of the list."""
    if position.seeking:
        return _after_seek(position, ask, page)
    rereads = _rereads(position, resumed=resumed) and ask.after is not None
    if rereads or position.must_meet:
        if not page.entries and page.after not in (None, ask.after):
            return _must_meet(position, page.after)
        if not _meets(position, page.entries):
            return sought(position)
    moved = _moved(position, ask, page)
    if moved.stalls >= STALLS_MAX or moved.empty_pages >= EMPTY_PAGES_MAX:
        return sought(moved)
    stops_at = position.until_at if position.phase == LIST else position.head_at
    if _below(page.entries, stops_at):
        reached_overlap = moved.reached_overlap or position.phase == LIST
        return _ended(replace(moved, reached_overlap=reached_overlap))
    return moved if page.after is not None else _ended(moved)


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
        restarts=position.restarts + 1, was_sought=True, must_meet=False,
    )  # fmt: skip
    return replace(begun, seeking=position.oldest_at is not None)


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
            position, seeking=False, after=ask.after, before_last=ask.after, pages=0, boundary=None,
            oldest_at=None, stalls=0, empty_pages=0,
        )  # fmt: skip
    if page.after == ask.after:
        return sought(position)
    empty_pages = 0 if page.entries else position.empty_pages + 1
    moved = replace(position, after=page.after, empty_pages=empty_pages)
    return moved if empty_pages < EMPTY_PAGES_MAX else sought(moved)


def _meets(position: Position, entries: tuple[Entry, ...]) -> bool:
    """Whether the page holds the last conversation that was read, or begins above it."""
    if not entries or position.oldest_at is None:
        return False
    if entries[0].updated_at > position.oldest_at:
        return True
    return any(entry.thread_id == position.boundary for entry in entries)


def _must_meet(position: Position, after: str | None) -> Position:
    """An empty page meets nothing; whatever follows it has to."""
    if position.empty_pages >= EMPTY_PAGES_MAX:
        return sought(position)
    return replace(
        position, after=after, before_last=after, must_meet=True,
        empty_pages=position.empty_pages + 1,
    )  # fmt: skip


def _moved(position: Position, ask: Ask, page: ListedPage) -> Position:
    """One page further; a page that leads no further down is counted as a stall."""
    stalled = page.after is not None and page.after == ask.after
    common = replace(
        position, after=page.after, before_last=ask.after, pages=position.pages + 1,
        must_meet=False,
    )  # fmt: skip
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
    newest_at = page.entries[0].updated_at
    is_deeper = position.deepest_at is None or last.updated_at < position.deepest_at
    return replace(
        common,
        stalls=0,
        empty_pages=0,
        boundary=last.thread_id,
        oldest_at=last.updated_at,
        deepest_at=last.updated_at if is_deeper else position.deepest_at,
        restarts=0 if is_deeper else position.restarts,
        head_at=position.head_at or newest_at,
        second_head_at=position.second_head_at or (newest_at if position.phase == HEAD else None),
    )


def _ended(position: Position) -> Position:
    """What follows a walk.

    One of one page cannot have missed what moved; after a longer one the top is read again.
    """
    if position.phase == HEAD or (position.pages <= 1 and not position.was_sought):
        return replace(position, phase=DONE)
    return replace(
        position, phase=HEAD, after=None, before_last=None, pages=0, boundary=None, oldest_at=None,
        deepest_at=None, stalls=0, empty_pages=0,
    )  # fmt: skip


def _below(entries: tuple[Entry, ...], moment: datetime | None) -> bool:
    return bool(entries) and moment is not None and entries[-1].updated_at < moment
