"""A scan of Meta's list from the newest conversation down, response by response, along cursors.

The list is sorted by updated_time and moves while it is read. A cursor is a hint: one that was just
given is followed. One of an earlier run is not trusted: its last response is requested again, and
must overlap what was read (it holds the last conversation, or begins above it). Where it does not,
where Meta refuses a cursor, or where responses lead nowhere, the place is lost.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.sync.graph_lists import ListEntry, ListResponse

STALLS_MAX: Final = 5
EMPTY_RESPONSES_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ListScan:
    """Where a scan stands."""

    after: str | None = None
    last_cursor: str | None = None
    """The cursor that brought the last response; None: it was the first one."""
    responses: int = 0
    """Responses that held conversations."""
    last_thread_id: str | None = None
    oldest_at: datetime | None = None
    stalls: int = 0
    """Responses in a row that led no further down."""
    empty_responses: int = 0
    must_overlap: bool = False
    """The response that had to overlap what was read was empty, so the next one has to."""
    is_resumed: bool = False
    """The scan is of an earlier run, and its last response is to be requested again."""

    @property
    def cursor(self) -> str | None:
        """The cursor of the next request."""
        return self.last_cursor if self.is_resumed else self.after


def follow(
    scan: ListScan, sent: str | None, response: ListResponse, *, brings_new: bool = False
) -> ListScan | None:
    """The scan after the response to cursor `sent`, or None: the place is lost.

    A response that `brings_new` conversations leads further even where it lies no deeper, as with
    many conversations of one second.
    """
    must_overlap = scan.must_overlap or (scan.is_resumed and sent is not None)
    if not response.entries:
        return _past_empty(scan, sent, response, must_overlap=must_overlap)
    if must_overlap and not _overlaps(scan, response.entries):
        return None
    last = response.entries[-1]
    is_deeper = scan.oldest_at is None or last.updated_at < scan.oldest_at
    leads_on = response.after is None or response.after != sent
    leads_further = leads_on and (is_deeper or brings_new)
    # A response that is read again cannot lead further.
    stalls = 0 if leads_further else scan.stalls + (not scan.is_resumed)
    if stalls >= STALLS_MAX:
        return None
    moved = replace(
        scan, after=response.after, last_cursor=sent, responses=scan.responses + 1, stalls=stalls,
        empty_responses=0, must_overlap=False, is_resumed=False,
    )  # fmt: skip
    if scan.oldest_at is not None and last.updated_at > scan.oldest_at:
        return moved
    return replace(moved, last_thread_id=last.thread_id, oldest_at=last.updated_at)


def _past_empty(
    scan: ListScan, sent: str | None, response: ListResponse, *, must_overlap: bool
) -> ListScan | None:
    """An empty response overlaps nothing: the next one must, and this one is not read again."""
    if response.after is None:
        return None if must_overlap else replace(scan, after=None, is_resumed=False)
    empty_responses = scan.empty_responses + 1
    if response.after == sent or empty_responses >= EMPTY_RESPONSES_MAX:
        return None
    return replace(
        scan, after=response.after, empty_responses=empty_responses, must_overlap=must_overlap,
        is_resumed=False,
    )  # fmt: skip


def _overlaps(scan: ListScan, entries: tuple[ListEntry, ...]) -> bool:
    """Whether the entries hold the last conversation that was read, or begin above it."""
    if scan.oldest_at is None:
        return False
    if entries[0].updated_at > scan.oldest_at:
        return True
    return any(entry.thread_id == scan.last_thread_id for entry in entries)
