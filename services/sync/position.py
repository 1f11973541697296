"""Where a sync session stands, what it asks next, and what an answer proves.

First the list is walked with all contents ("list"). One page from the top to the end, or down to
where an earlier session proved everything, is proof of itself. After a longer walk, or when the
place was lost, the list is walked once more for ids alone ("proof"): what moved meanwhile, and any
hole that a wrong answer left, is found there, and the stretch that holds it is read ("fill"). Where
a hole was found, another walk of that kind has to find none. So a single wrong answer, whichever it
is, never certifies a hole; and the session ends, as walks that bring nothing are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from services.sync.listing import Entry, ListedPage, Messages
from services.sync.owed import Inner, further, restarted
from services.sync.walk import Walk, follow

Phase = Literal["list", "proof", "done"]
LIST: Final = "list"
PROOF: Final = "proof"
DONE: Final = "done"
FRUITLESS_MAX: Final = 5
SETTLED_MAX: Final = 200
IDS_PER_CALL_MAX: Final = 500
MESSAGES_PER_CALL_MAX: Final = 20
# So many calls after too much was asked for, twice as much is tried again.
RESTORED_AFTER_CALLS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a session stands. `until_at`: an incremental one need not read below it."""

    phase: Phase = LIST
    walk: Walk = field(default_factory=Walk)
    """Of the list, or of its ids while the proof is sought."""
    fill: Walk | None = None
    """The stretch that is read because the proof missed something in it."""
    missed: tuple[str, ...] = ()
    """The conversations that the stretch is to bring."""
    missed_until_at: datetime | None = None
    fill_meets: bool = False
    """It brought some of them."""
    has_hole: bool = False
    """This proof missed something that a walk before it should have read."""
    fruitless: int = 0
    """Proofs in a row that came to no end and brought nothing."""
    head_at: datetime | None = None
    """updated_time at the top when the session began."""
    top_at: datetime | None = None
    """The same when the last walk began: up to there all is read when it is done."""
    deepest_at: datetime | None = None
    ended_with: str | None = None
    """The last conversation of a proof that ended above what was read before."""
    until_at: datetime | None = None
    limit: int = 100
    limit_max: int = 100
    calls_well: int = 0
    inner: tuple[Inner, ...] = ()
    left_partial: bool = False
    """Of some conversation not all that is shown could be read."""
    settled: tuple[str, ...] = ()
    """The last such conversations, which this session asks for no more."""
    held_at: datetime | None = None
    """The oldest conversation that is to be read again: the watermark stays below it."""
    reached_overlap: bool = False
    gave_up: bool = False

    @property
    def shown_phase(self) -> str:
        """The phase as it is shown: messages that are owed come first."""
        if self.inner:
            return "messages"
        return "fill" if self.fill else self.phase

    @property
    def completeness(self) -> str:
        """What the session proves once it is done: "full", "to_overlap" or "partial"."""
        if self.gave_up or self.left_partial:
            return "partial"
        return "to_overlap" if self.reached_overlap else "full"

    @property
    def watermark_at(self) -> datetime | None:
        """Up to when everything was read; None where that is not proven."""
        if self.phase != DONE or self.gave_up or self.top_at is None:
            return None
        return self.top_at if self.held_at is None else min(self.top_at, self.held_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The next call: a page of the list with contents, of its ids alone, or of messages."""

    kind: Literal["list", "ids", "messages"]
    after: str | None
    limit: int
    thread_id: str = ""
    is_proof: bool = False
    """It reads again what was read, to prove a cursor of an earlier run."""


def to_json(position: Position) -> dict[str, Any]:
    """As the session's row holds it."""
    built: dict[str, Any] = msgspec.to_builtins(position)
    return built


def from_json(value: dict[str, Any], *, limit: int, until_at: datetime | None) -> Position:
    """A session's position; an empty one begins with these bounds."""
    if not value:
        return Position(limit=limit, limit_max=limit, until_at=until_at)
    return msgspec.convert(value, Position)


def taken_up(position: Position) -> Position:
    """The position as a later run takes it up: its cursors are to be proven."""
    fill = position.fill
    return replace(
        position, walk=replace(position.walk, is_kept=True),
        # One that has read nothing yet has nothing to be proven by; the proof leads to it again.
        fill=replace(fill, is_kept=True) if fill is not None and fill.pages else None,
    )  # fmt: skip


def next_ask(position: Position) -> Ask:
    """What to ask next."""
    if position.inner:
        inner = position.inner[0]
        limit = min(MESSAGES_PER_CALL_MAX, position.limit)
        return Ask(kind="messages", after=inner.after, limit=limit, thread_id=inner.thread_id)
    walk = position.fill or position.walk
    is_ids = position.phase == PROOF and position.fill is None
    return Ask(
        kind="ids" if is_ids else "list",
        after=walk.cursor,
        limit=min(IDS_PER_CALL_MAX, 5 * position.limit) if is_ids else position.limit,
        is_proof=walk.is_kept and walk.pages > 0,
    )


def after_list(
    position: Position,
    ask: Ask,
    page: ListedPage,
    read: Mapping[str, datetime],
) -> Position:
    """Where the session stands after a page of the list.

    `read` says of conversations as of which updated_time they were read before.
    """
    unread = tuple(each for each in page.entries if _is_unread(each, read))
    position = _seen(position, page.entries)
    if position.fill is not None:
        return _after_fill(position, position.fill, ask, page, unread)
    brings_new = bool(unread) and position.phase == LIST
    walk = follow(position.walk, ask.after, page, brings_new=brings_new)
    if walk is None:
        return lost(position)
    if position.top_at is None and page.entries:
        position = replace(position, top_at=page.entries[0].updated_at)
    if position.phase == PROOF:
        return _after_ids(position, walk, ask, page, unread)
    return _after_contents(position, walk, ask, page)


def after_messages(position: Position, messages: Messages) -> Position:
    """Where the session stands after a page of the messages that it owed first."""
    inner, *rest = position.inner
    if (left := further(inner, messages)) is not None:
        return replace(position, inner=(left, *rest))
    if messages.has_more:
        return without_messages(position, again=True)
    return replace(position, inner=tuple(rest))


def without_messages(position: Position, *, again: bool) -> Position:
    """Leaves the first conversation that owes messages as it is, to be read `again` or for good."""
    inner, *rest = position.inner
    held_at = min(inner.updated_at, position.held_at or inner.updated_at)
    return replace(
        position,
        inner=tuple(rest),
        left_partial=True,
        settled=(*position.settled, inner.thread_id)[-SETTLED_MAX:],
        held_at=held_at if again else position.held_at,
    )


def rejected(position: Position) -> Position:
    """Where the session stands when Meta refuses the cursor that it sent."""
    if not position.inner:
        return lost(position)
    inner, *rest = position.inner
    if (anew := restarted(inner)) is not None:
        return replace(position, inner=(anew, *rest))
    return without_messages(position, again=True)


def lost(position: Position) -> Position:
    """Has the list proven from the top; given up, and said so, where that brings nothing."""
    # A list walk that is lost has brought what it read.
    fruitless = position.fruitless + (position.phase == PROOF)
    if fruitless >= FRUITLESS_MAX:
        return replace(position, phase=DONE, gave_up=True, fill=None)
    return _proven_anew(replace(position, fruitless=fruitless))


def smaller(position: Position) -> Position | None:
    """With half of what is asked per call, or None where it cannot be less."""
    if position.limit <= 1:
        return None
    return replace(position, limit=position.limit // 2, calls_well=0)


def restored(position: Position) -> Position:
    """After a call that went well: with twice as much per call after enough of them."""
    if position.limit >= position.limit_max:
        return position
    calls_well = position.calls_well + 1
    if calls_well < RESTORED_AFTER_CALLS:
        return replace(position, calls_well=calls_well)
    return replace(position, limit=min(2 * position.limit, position.limit_max), calls_well=0)


def _after_contents(position: Position, walk: Walk, ask: Ask, page: ListedPage) -> Position:
    position = replace(position, walk=walk)
    is_below = _below(page.entries, position.until_at)
    if page.after is not None and not is_below:
        return position
    position = replace(position, reached_overlap=position.reached_overlap or is_below)
    if ask.after is None:
        # All in one answer: nothing can have moved between two.
        return replace(position, phase=DONE)
    return _proven_anew(position)


def _after_ids(
    position: Position, walk: Walk, ask: Ask, page: ListedPage, unread: tuple[Entry, ...]
) -> Position:
    if missed := [each for each in unread if _is_wanted(position, each)]:
        # What moved since the session began is no hole. The ids are asked for again afterwards.
        is_hole = any(_is_old(position, each) for each in missed)
        return replace(
            position,
            fill=Walk(after=ask.after),
            missed=tuple(each.thread_id for each in missed),
            missed_until_at=min(each.updated_at for each in missed),
            fill_meets=False,
            has_hole=position.has_hole or is_hole,
        )
    position = replace(position, walk=walk)
    is_below = _below(page.entries, position.until_at)
    if page.after is not None and not is_below:
        return position
    position = replace(position, reached_overlap=position.reached_overlap or is_below)
    if position.has_hole:
        return _proven_anew(position)
    if is_below or _reaches_the_end(position, walk, page):
        return replace(position, phase=DONE)
    return lost(replace(position, ended_with=walk.boundary))


def _after_fill(
    position: Position,
    fill: Walk,
    ask: Ask,
    page: ListedPage,
    unread: tuple[Entry, ...],
) -> Position:
    walk = follow(fill, ask.after, page, brings_new=bool(unread))
    if any(_is_old(position, each) for each in unread):
        position = replace(position, fruitless=0)
    if walk is None:
        return lost(position)
    # One that was said more in since is met all the same.
    met = {each.thread_id for each in page.entries}
    missed = tuple(each for each in position.missed if each not in met)
    fill_meets = position.fill_meets or len(missed) < len(position.missed)
    if missed and page.after is not None and not _below(page.entries, position.missed_until_at):
        return replace(position, fill=walk, missed=missed, fill_meets=fill_meets)
    return replace(position, fill=None, missed=()) if fill_meets else lost(position)


def _proven_anew(position: Position) -> Position:
    return replace(
        position, phase=PROOF, walk=Walk(), fill=None, missed=(), has_hole=False, top_at=None
    )


def _reaches_the_end(position: Position, walk: Walk, page: ListedPage) -> bool:
    """Whether the ids came down to the oldest conversation that was read.

    Or ended twice at the same one: then what lay below has moved or is gone. A page that is empty
    is no end of that kind, as a wrong answer looks the same.
    """
    if position.deepest_at is None:
        return True
    if page.entries and position.ended_with == walk.boundary:
        return True
    return walk.oldest_at is not None and walk.oldest_at <= position.deepest_at


def _seen(position: Position, entries: tuple[Entry, ...]) -> Position:
    if not entries:
        return position
    times = [each.updated_at for each in entries]
    deepest_at = min(times) if position.deepest_at is None else min(*times, position.deepest_at)
    return replace(position, head_at=position.head_at or max(times), deepest_at=deepest_at)


def _is_unread(entry: Entry, read: Mapping[str, datetime]) -> bool:
    read_at = read.get(entry.thread_id)
    return read_at is None or read_at < entry.updated_at


def _is_wanted(position: Position, entry: Entry) -> bool:
    """Whether the walk is to have read it: what came on top since it began is a later one's."""
    if position.until_at is not None and entry.updated_at < position.until_at:
        return False
    return position.top_at is None or entry.updated_at <= position.top_at


def _is_old(position: Position, entry: Entry) -> bool:
    return position.head_at is not None and entry.updated_at < position.head_at


def _below(entries: tuple[Entry, ...], moment: datetime | None) -> bool:
    return bool(entries) and moment is not None and entries[-1].updated_at < moment
