"""The source behind POST /api/leads of each org, kept for a moment.

So a burst of leads needs no statement of its own to find it. Its region decides what a number
without a prefix means, and `UpdateSource` changes it: the process that does forgets the source at
once, the others hold the old region no longer than `fresh_seconds`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.ingest.store import IngestStore

ORGS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSource:
    """A source of kind 'api', and the region that its phone numbers without a prefix are of."""

    source_id: UUID
    default_region: str


class ApiSources:
    """Answers an org's API source, read at most once in `fresh_seconds`.

    Holds `ORGS_MAX` orgs at most; the one read longest ago goes first.
    """

    def __init__(
        self,
        store: IngestStore,
        *,
        fresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._fresh_seconds = fresh_seconds
        self._clock = clock
        self._kept: OrderedDict[UUID, tuple[float, ApiSource]] = OrderedDict()
        self._forgotten = 0

    async def of(self, org_id: UUID) -> ApiSource:
        """The org's. Raises ORG_NOT_FOUND; that is not kept, the org may be made any moment."""
        now = self._clock()
        read_at, kept = self._kept.get(org_id, (0.0, None))
        if kept is not None and now - read_at < self._fresh_seconds:
            return kept
        forgotten = self._forgotten
        row = await self._store.get_api_source(org_id)
        source = ApiSource(source_id=row["source_id"], default_region=row["default_region"])
        if forgotten != self._forgotten:
            # It may have been read just before it changed.
            return source
        self._kept[org_id] = (now, source)
        self._kept.move_to_end(org_id)
        if len(self._kept) > ORGS_MAX:
            self._kept.popitem(last=False)
        return source

    def forget(self, org_id: UUID) -> None:
        """Has the org's read again before the next answer: it changed."""
        self._forgotten += 1
        self._kept.pop(org_id, None)
