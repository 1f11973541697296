"""A walk through Meta's list from the newest conversation down, page by page, along cursors.

The list is sorted by updated_time and moves while it is read. A cursor is a hint: one that was just
given is followed; one that was kept from an earlier run is not trusted, and the page before it is
read again, which must meet what was read (it holds the last conversation, or begins above it).
Where it does not, where Meta refuses a cursor, or where pages lead nowhere, the place is lost.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.sync.listing import Entry, ListedPage

STALLS_MAX: Final = 5
EMPTY_PAGES_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where a walk stands."""

    after: str | None = None
    before_last: str | None = None
    """The cursor that brought the last page; None: it was the first one."""
    pages: int = 0
    """Pages that held conversations."""
    boundary: str | None = None
    oldest_at: datetime | None = None
    stalls: int = 0
    """Pages in a row that led no further down."""
    empty_pages: int = 0
    must_meet: bool = False
    """The page that was to meet what was read was empty, and the next one is to."""
    is_kept: bool = False
    """It is from an earlier run, and its last page is to be read again."""

    @property
    def cursor(self) -> str | None:
        """What to ask with."""
        return self.before_last if self.is_kept else self.after


def follow(
    walk: Walk, sent: str | None, page: ListedPage, *, brings_new: bool = False
) -> Walk | None:
    """The walk after the page that cursor brought, or None: the place is lost.

    A page that `brings_new` leads further even where it lies no deeper, as do many conversations
    of one second.
    """
    meets = walk.must_meet or (walk.is_kept and sent is not None)
    if not page.entries:
        return _past_empty(walk, sent, page, meets=meets)
    if meets and not _meets(walk, page.entries):
        return None
    last = page.entries[-1]
    is_deeper = walk.oldest_at is None or last.updated_at < walk.oldest_at
    leads_on = page.after is None or page.after != sent
    leads_further = leads_on and (is_deeper or brings_new)
    # A page that is read again leads nowhere by its nature.
    stalls = 0 if leads_further else walk.stalls + (not walk.is_kept)
    if stalls >= STALLS_MAX:
        return None
    moved = replace(
        walk, after=page.after, before_last=sent, pages=walk.pages + 1, stalls=stalls,
        empty_pages=0, must_meet=False, is_kept=False,
    )  # fmt: skip
    if walk.oldest_at is not None and last.updated_at > walk.oldest_at:
        return moved
    return replace(moved, boundary=last.thread_id, oldest_at=last.updated_at)


def _past_empty(walk: Walk, sent: str | None, page: ListedPage, *, meets: bool) -> Walk | None:
    """An empty page meets nothing: whatever follows it has to, and it is never read again."""
    if page.after is None:
        return None if meets else replace(walk, after=None, is_kept=False)
    empty_pages = walk.empty_pages + 1
    if page.after == sent or empty_pages >= EMPTY_PAGES_MAX:
        return None
    return replace(walk, after=page.after, empty_pages=empty_pages, must_meet=meets, is_kept=False)


def _meets(walk: Walk, entries: tuple[Entry, ...]) -> bool:
    """Whether the page holds the last conversation that was read, or begins above it."""
    if walk.oldest_at is None:
        return False
    if entries[0].updated_at > walk.oldest_at:
        return True
    return any(entry.thread_id == walk.boundary for entry in entries)
