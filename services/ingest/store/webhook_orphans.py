"""What came for a page, account or number that no org has."""

from typing import Final
from uuid import UUID

from services.chassis.database import Database
from services.ingest.records.webhooks import ListedWebhookOrphan, OrphanSource, ReplayedOrphans

REPLAY_BATCH_MAX: Final = 500


class WebhookOrphanStore:
    """Items that concern no known org."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_webhook_orphans(
        self, source: OrphanSource, *, limit: int, before: UUID | None
    ) -> list[ListedWebhookOrphan]:
        """A page of orphans, newest first."""
        rows = await self._database.rows(
            "list_webhook_orphans",
            p_source_kind=source.kind,
            p_source_external_id=source.external_id,
            p_limit=limit,
            p_before=before,
        )
        return [ListedWebhookOrphan(**row) for row in rows]

    async def replay_webhook_orphans(
        self, source: OrphanSource, *, traceparent: str
    ) -> ReplayedOrphans:
        """Makes items of the source's orphans, `REPLAY_BATCH_MAX` at most.

        Raises SOURCE_NOT_FOUND.
        """
        (row,) = await self._database.rows(
            "replay_webhook_orphans",
            p_source_kind=source.kind,
            p_source_external_id=source.external_id,
            p_limit=REPLAY_BATCH_MAX,
            p_traceparent=traceparent,
        )
        return ReplayedOrphans(**row)
