"""Counts of each page."""

from services.chassis.database import Database
from services.sync.store.sessions import SessionStore
from tests.schema.sync.builders import (
    ORG,
    a_pulled_page,
)


async def test_each_page_counts_its_conversations_events_and_rejects(sync_db: Database) -> None:
    page_id = await a_pulled_page(sync_db, ORG)
    (counts,) = await SessionStore(sync_db, "w").list_sync_statistics(ORG, 9)
    assert (counts.page_id, counts.conversations, counts.conversations_full) == (page_id, 1, 1)
    assert (counts.pull_received, counts.pull_stored, counts.pull_rejected) == (2, 1, 1)
    assert counts.webhook_received == 0
