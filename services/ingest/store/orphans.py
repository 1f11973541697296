"""What came for a page, account or number that no org has."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.trace import TraceContext

REPLAY_BATCH_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanSource:
    """A kind of source and one's id at the provider; None: any."""

    kind: str | None
    external_id: str | None


class OrphanStore:
    """Items that concern no org we know."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_webhook_orphans(
        self, source: OrphanSource, limit: int, before: UUID | None
    ) -> list[Record]:
        """A page of orphans, newest first."""
        return await self._database.rows(
            "list_webhook_orphans",
            p_source_kind=source.kind,
            p_source_external_id=source.external_id,
            p_limit=limit,
            p_before=before,
        )

    async def replay_webhook_orphans(
        self, source: OrphanSource, trace: TraceContext
    ) -> tuple[int, bool]:
        """Makes items of the source's orphans, `REPLAY_BATCH_MAX` at most.

        Answers how many, and whether there are more. Raises SOURCE_NOT_FOUND.
        """
        (row,) = await self._database.rows(
            "replay_webhook_orphans",
            p_source_kind=source.kind,
            p_source_external_id=source.external_id,
            p_limit=REPLAY_BATCH_MAX,
            p_traceparent=trace.traceparent,
        )
        return row["replayed_count"], row["has_more"]
