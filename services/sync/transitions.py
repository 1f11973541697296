"""Where a sync session stands after a response, a refused cursor or a skipped thread.

The phases and what they prove: see `position`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from services.sync.graph_lists import ListEntry, ListResponse, MessagesResponse
from services.sync.list_scan import ListScan, follow
from services.sync.pending_messages import advance, restart
from services.sync.position import DONE, LIST, PROOF, GraphRequest, Position

FRUITLESS_PROOFS_MAX: Final = 5
SKIPPED_MAX: Final = 200


def after_list_response(
    position: Position,
    request: GraphRequest,
    response: ListResponse,
    read: Mapping[str, datetime],
) -> Position:
    """Where the session stands after a response of the list.

    `read` holds the updated_time as of which each thread was read before.
    """
    unread = tuple(each for each in response.entries if _is_unread(each, read))
    position = _with_bounds(position, response.entries)
    if position.fill is not None:
        return _after_fill(position, position.fill, request, response, unread)
    brings_new = bool(unread) and position.phase == LIST
    scan = follow(position.scan, request.after, response, brings_new=brings_new)
    if scan is None:
        return after_lost_place(position)
    if position.top_at is None and response.entries:
        position = replace(position, top_at=response.entries[0].updated_at)
    if position.phase == PROOF:
        return _after_ids(position, scan, request, response, unread)
    return _after_contents(position, scan, request, response)


def after_messages_response(position: Position, messages: MessagesResponse) -> Position:
    """Where the session stands after messages of its first pending thread."""
    pending, *rest = position.pending
    if (remaining := advance(pending, messages)) is not None:
        return replace(position, pending=(remaining, *rest))
    if messages.has_more:
        return skip_thread(position, retry_later=True)
    return replace(position, pending=tuple(rest))


def skip_thread(position: Position, *, retry_later: bool) -> Position:
    """Leaves the first pending thread unread; a later session reads it if `retry_later`."""
    pending, *rest = position.pending
    watermark_at_max = min(pending.updated_at, position.watermark_at_max or pending.updated_at)
    return replace(
        position,
        pending=tuple(rest),
        is_partial=True,
        skipped=(*position.skipped, pending.thread_id)[-SKIPPED_MAX:],
        watermark_at_max=watermark_at_max if retry_later else position.watermark_at_max,
    )


def after_refused_cursor(position: Position) -> Position:
    """Where the session stands when Meta refuses the cursor that it sent."""
    if not position.pending:
        return after_lost_place(position)
    pending, *rest = position.pending
    if (restarted := restart(pending)) is not None:
        return replace(position, pending=(restarted, *rest))
    return skip_thread(position, retry_later=True)


def after_lost_place(position: Position) -> Position:
    """Proves the list from the top; gives up where proofs keep bringing nothing."""
    # A list scan whose place is lost has brought what it read.
    fruitless_proofs = position.fruitless_proofs + (position.phase == PROOF)
    if fruitless_proofs >= FRUITLESS_PROOFS_MAX:
        return replace(position, phase=DONE, gave_up=True, fill=None)
    return _proof_from_top(replace(position, fruitless_proofs=fruitless_proofs))


def _after_contents(
    position: Position, scan: ListScan, request: GraphRequest, response: ListResponse
) -> Position:
    position = replace(position, scan=scan)
    is_below = _is_below(response.entries, position.until_at)
    if response.after is not None and not is_below:
        return position
    position = replace(position, reached_overlap=position.reached_overlap or is_below)
    if request.after is None:
        # All in one response: nothing can have moved between two.
        return replace(position, phase=DONE)
    return _proof_from_top(position)


def _after_ids(
    position: Position,
    scan: ListScan,
    request: GraphRequest,
    response: ListResponse,
    unread: tuple[ListEntry, ...],
) -> Position:
    if missed := [each for each in unread if _is_wanted(position, each)]:
        # What moved since the session began is not a gap. The same ids are requested afterwards.
        is_gap = any(_is_old(position, each) for each in missed)
        return replace(
            position,
            fill=ListScan(after=request.after),
            missed=tuple(each.thread_id for each in missed),
            missed_until_at=min(each.updated_at for each in missed),
            fill_found_missed=False,
            has_gap=position.has_gap or is_gap,
        )
    position = replace(position, scan=scan)
    is_below = _is_below(response.entries, position.until_at)
    if response.after is not None and not is_below:
        return position
    position = replace(position, reached_overlap=position.reached_overlap or is_below)
    if position.has_gap:
        return _proof_from_top(position)
    if is_below or _reaches_the_end(position, scan, response):
        return replace(position, phase=DONE)
    return after_lost_place(replace(position, ended_at_thread=scan.last_thread_id))


def _after_fill(
    position: Position,
    fill: ListScan,
    request: GraphRequest,
    response: ListResponse,
    unread: tuple[ListEntry, ...],
) -> Position:
    scan = follow(fill, request.after, response, brings_new=bool(unread))
    if any(_is_old(position, each) for each in unread):
        position = replace(position, fruitless_proofs=0)
    if scan is None:
        return after_lost_place(position)
    # A thread with newer messages since then counts as found.
    found = {each.thread_id for each in response.entries}
    missed = tuple(each for each in position.missed if each not in found)
    found_missed = position.fill_found_missed or len(missed) < len(position.missed)
    is_below = _is_below(response.entries, position.missed_until_at)
    if missed and response.after is not None and not is_below:
        return replace(position, fill=scan, missed=missed, fill_found_missed=found_missed)
    return replace(position, fill=None, missed=()) if found_missed else after_lost_place(position)


def _proof_from_top(position: Position) -> Position:
    return replace(
        position, phase=PROOF, scan=ListScan(), fill=None, missed=(), has_gap=False, top_at=None
    )


def _reaches_the_end(position: Position, scan: ListScan, response: ListResponse) -> bool:
    """Whether the ids came down to the oldest conversation that was read.

    Or ended twice at the same one: then what lay below has moved or is gone. An empty response
    does not count as such an end, as a wrong response looks the same.
    """
    if position.oldest_at is None:
        return True
    if response.entries and position.ended_at_thread == scan.last_thread_id:
        return True
    return scan.oldest_at is not None and scan.oldest_at <= position.oldest_at


def _with_bounds(position: Position, entries: tuple[ListEntry, ...]) -> Position:
    """With the newest time of the first response and the oldest of all."""
    if not entries:
        return position
    times = [each.updated_at for each in entries]
    oldest_at = min(times) if position.oldest_at is None else min(*times, position.oldest_at)
    return replace(position, head_at=position.head_at or max(times), oldest_at=oldest_at)


def _is_unread(entry: ListEntry, read: Mapping[str, datetime]) -> bool:
    read_at = read.get(entry.thread_id)
    return read_at is None or read_at < entry.updated_at


def _is_wanted(position: Position, entry: ListEntry) -> bool:
    """Whether the proof needs it: what moved to the top since it began is left to a later one."""
    if position.until_at is not None and entry.updated_at < position.until_at:
        return False
    return position.top_at is None or entry.updated_at <= position.top_at


def _is_old(position: Position, entry: ListEntry) -> bool:
    return position.head_at is not None and entry.updated_at < position.head_at


def _is_below(entries: tuple[ListEntry, ...], moment: datetime | None) -> bool:
    return bool(entries) and moment is not None and entries[-1].updated_at < moment
