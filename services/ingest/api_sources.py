"""The source behind POST /api/leads of each org, kept for a while.

It is made with its org and nothing changes it, so a lead needs no statement of its own to find it.
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

    async def of(self, org_id: UUID) -> ApiSource:
        """The org's. Raises ORG_NOT_FOUND; that is not kept, the org may be made any moment."""
        now = self._clock()
        read_at, kept = self._kept.get(org_id, (0.0, None))
        if kept is not None and now - read_at < self._fresh_seconds:
            return kept
        row = await self._store.get_api_source(org_id)
        source = ApiSource(source_id=row["source_id"], default_region=row["default_region"])
        self._kept[org_id] = (now, source)
        self._kept.move_to_end(org_id)
        if len(self._kept) > ORGS_MAX:
            self._kept.popitem(last=False)
        return source
