"""What ingest tells of pages: whatever the order in a batch, pages are locked in one."""

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.records.events import ReportedPageEvent
from services.sync.store.conversations import ConversationStore
from services.sync.webhook_events import parse_event
from tests.schema.sync.builders import NOW, Admin, a_page


def told(org_id: UUID, facebook_page_id: str) -> ReportedPageEvent:
    """A message to the page."""
    event = {
        "sender": {"id": "contact"},
        "recipient": {"id": facebook_page_id},
        "timestamp": 1_790_000_000_000,
        "message": {"mid": f"m_{uuid4().hex}", "text": "hello"},
    }
    event_id = new_id()
    parsed = parse_event(
        json.dumps(event), facebook_page_id=facebook_page_id, event_id=event_id, reported_at=NOW
    )
    return ReportedPageEvent(
        org_id=org_id,
        event_id=event_id,
        platform="messenger",
        facebook_page_id=facebook_page_id,
        contact_external_id=parsed.contact_external_id,
        interaction=parsed.interaction,
        reject=None,
        reported_at=NOW,
        trace=new_root(),
    )


async def heard(admin: Admin) -> Sequence[bool]:
    rows = await admin.fetch("select last_webhook_at from sync.pages order by page_id")
    return [row["last_webhook_at"] is not None for row in rows]


async def test_a_batch_that_waits_for_a_page_holds_none_that_comes_after_it(
    sync_db: Database, admin: Admin, database_url: str
) -> None:
    org_id = uuid4()
    # Ids grow with time; what Meta calls the pages goes the other way.
    first = await a_page(sync_db, org_id, facebook_page_id="2")
    second = await a_page(sync_db, org_id, facebook_page_id="1")
    assert first < second
    store = ConversationStore(sync_db)
    other = await asyncpg.connect(database_url)
    try:
        async with admin.transaction():
            await admin.execute("select from sync.pages where page_id = $1 for update", first)
            batch = [told(org_id, "1"), told(org_id, "2")]
            telling = asyncio.create_task(store.record_page_events(batch))
            await _somebody_waits(admin)
            lock = "select from sync.pages where page_id = $1 for update nowait"
            await other.execute(lock, second)
        assert await telling == 2
    finally:
        await other.close()
    assert await heard(admin) == [True, True]


async def test_only_pages_that_were_told_of_are_heard(sync_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    for number in ("1", "2"):
        await a_page(sync_db, org_id, facebook_page_id=number)
    store = ConversationStore(sync_db)
    assert await store.record_page_events([told(org_id, "2"), told(org_id, "2")]) == 2
    assert await heard(admin) == [False, True]


async def _somebody_waits(admin: Admin) -> None:
    """Returns as soon as a backend waits for our lock."""
    blocked = "select exists (select from pg_locks where not granted) from pg_sleep(0.02)"
    async with asyncio.timeout(60):
        while not await admin.fetchval(blocked):
            pass
