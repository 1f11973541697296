"""The source behind POST /api/leads of each org, cached for a moment.

So a burst of leads needs no statement of its own to find it. Its region decides how a number
without a prefix is read, and `UpdateSource` changes it: the process that does invalidates the entry
at once, the others use the old region for at most `fresh_seconds`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

from services.ingest.records.sources import ApiSource
from services.ingest.refusals import org_not_found
from services.ingest.store import IngestStore

ORGS_MAX: Final = 10_000


class ApiSourceCache:
    """Reads an org's API source at most once in `fresh_seconds`.

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
        self._entries: OrderedDict[UUID, tuple[float, ApiSource]] = OrderedDict()
        self._invalidations = 0

    async def get(self, org_id: UUID) -> ApiSource:
        """The org's. Raises ORG_NOT_FOUND, which is not cached: the org may exist soon."""
        now = self._clock()
        read_at, cached = self._entries.get(org_id, (0.0, None))
        if cached is not None and now - read_at < self._fresh_seconds:
            return cached
        invalidations = self._invalidations
        source = await self._store.get_api_source(org_id)
        if source is None:
            raise org_not_found(org_id)
        if invalidations == self._invalidations:
            self._add(org_id, now, source)
        # Otherwise it may have been read just before it changed.
        return source

    def _add(self, org_id: UUID, read_at: float, source: ApiSource) -> None:
        self._entries[org_id] = (read_at, source)
        self._entries.move_to_end(org_id)
        if len(self._entries) > ORGS_MAX:
            self._entries.popitem(last=False)

    def invalidate(self, org_id: UUID) -> None:
        """Has the org's source read again before the next answer: it changed."""
        self._invalidations += 1
        self._entries.pop(org_id, None)
