"""Where a sync session stands, and what it requests next.

`transitions` says where each response leads. The phases:
- "list": the list is scanned with all contents. A single response that reaches from the top to the
  end, or down to where an earlier session proved everything, needs no proof.
- "proof": after a longer scan, or when the place was lost, the list is scanned once more for ids
  only. What moved meanwhile, and any gap that a wrong response left, is found there.
- "fill": the stretch that holds a gap is read. Where a gap was found, another proof must find none.
So a single wrong response, whichever it is, never certifies a gap; and the session ends, as scans
that bring nothing are counted.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from services.sync.list_scan import ListScan
from services.sync.pending_messages import PendingMessages

Phase = Literal["list", "proof", "done"]
LIST: Final = "list"
PROOF: Final = "proof"
DONE: Final = "done"
IDS_PER_CALL_MAX: Final = 500
MESSAGES_PER_CALL_MAX: Final = 20
# So many successful calls after the limit was halved, it is doubled.
RESTORED_AFTER_CALLS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a session stands. `until_at`: an incremental one need not read below it."""

    phase: Phase = LIST
    scan: ListScan = field(default_factory=ListScan)
    """Of the list, or of its ids in the proof."""
    fill: ListScan | None = None
    """Of the stretch that is read because the proof missed something in it."""
    missed: tuple[str, ...] = ()
    """The threads that the fill is to find."""
    missed_until_at: datetime | None = None
    fill_found_missed: bool = False
    """The fill found some of them."""
    has_gap: bool = False
    """This proof missed something that an earlier scan should have read."""
    fruitless_proofs: int = 0
    """Proofs in a row that did not end and brought nothing."""
    head_at: datetime | None = None
    """updated_time at the top when the session began."""
    top_at: datetime | None = None
    """The same when the last scan began: up to there all is read when it is done."""
    oldest_at: datetime | None = None
    ended_at_thread: str | None = None
    """The last thread of a proof that ended above what was read before."""
    until_at: datetime | None = None
    limit: int = 100
    limit_max: int = 100
    successful_calls: int = 0
    """Since the limit was halved."""
    pending: tuple[PendingMessages, ...] = ()
    is_partial: bool = False
    """Of some conversation not all that Meta shows could be read."""
    skipped: tuple[str, ...] = ()
    """The last such threads, which this session does not request again."""
    watermark_at_max: datetime | None = None
    """updated_time of the oldest thread that a later session is to read again."""
    reached_overlap: bool = False
    gave_up: bool = False

    @property
    def shown_phase(self) -> str:
        """The phase as it is shown: pending messages come first."""
        if self.pending:
            return "messages"
        return "fill" if self.fill else self.phase

    @property
    def completeness(self) -> str:
        """What the session proves once it is done: "full", "to_overlap" or "partial"."""
        if self.gave_up or self.is_partial:
            return "partial"
        return "to_overlap" if self.reached_overlap else "full"

    @property
    def watermark_at(self) -> datetime | None:
        """Up to when everything was read; None where that is not proven."""
        if self.phase != DONE or self.gave_up or self.top_at is None:
            return None
        return min(self.top_at, self.watermark_at_max or self.top_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRequest:
    """The next call: for the list with contents, for its ids only, or for messages."""

    kind: Literal["list", "ids", "messages"]
    after: str | None
    limit: int
    thread_id: str = ""
    verifies_cursor: bool = False
    """It reads again what was read, to verify a cursor of an earlier run."""


def to_json(position: Position) -> dict[str, Any]:
    """As the session's row holds it."""
    built: dict[str, Any] = msgspec.to_builtins(position)
    return built


def from_json(value: dict[str, Any], *, limit: int, until_at: datetime | None) -> Position:
    """A session's position; an empty one begins with these bounds."""
    if not value:
        return Position(limit=limit, limit_max=limit, until_at=until_at)
    return msgspec.convert(value, Position)


def resume(position: Position) -> Position:
    """The position as a later run continues it: its cursors are to be verified."""
    fill = position.fill
    return replace(
        position, scan=replace(position.scan, is_resumed=True),
        # A fill that has read nothing yet cannot be verified; the proof leads to it again.
        fill=replace(fill, is_resumed=True) if fill is not None and fill.responses else None,
    )  # fmt: skip


def next_request(position: Position) -> GraphRequest:
    """The next call."""
    if position.pending:
        pending = position.pending[0]
        limit = min(MESSAGES_PER_CALL_MAX, position.limit)
        return GraphRequest(
            kind="messages", after=pending.after, limit=limit, thread_id=pending.thread_id
        )
    scan = position.fill or position.scan
    is_ids = position.phase == PROOF and position.fill is None
    return GraphRequest(
        kind="ids" if is_ids else "list",
        after=scan.cursor,
        limit=min(IDS_PER_CALL_MAX, 5 * position.limit) if is_ids else position.limit,
        verifies_cursor=scan.is_resumed and scan.responses > 0,
    )


def halve_limit(position: Position) -> Position | None:
    """With half of what is requested per call, or None where it cannot be less."""
    if position.limit <= 1:
        return None
    return replace(position, limit=position.limit // 2, successful_calls=0)


def restore_limit(position: Position) -> Position:
    """After a successful call: with twice as much per call after enough of them."""
    if position.limit >= position.limit_max:
        return position
    successful_calls = position.successful_calls + 1
    if successful_calls < RESTORED_AFTER_CALLS:
        return replace(position, successful_calls=successful_calls)
    return replace(position, limit=min(2 * position.limit, position.limit_max), successful_calls=0)
