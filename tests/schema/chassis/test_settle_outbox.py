"""Claimed rows of the outbox and what a relay settles them as."""

from datetime import UTC, datetime

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.outbox.store import OutboxStore, Settlement
from tests.schema.chassis.outbox_rows import Admin, an_item, claimed


async def test_a_relay_that_lost_its_lease_settles_nothing(
    ingest_db: Database, admin: Admin
) -> None:
    await an_item(admin)
    stalled = new_id()
    items = await claimed(ingest_db, stalled)
    await admin.execute("update ingest.outbox set claim_token = gen_random_uuid()")
    settlement = Settlement(item=items[0], outcome="sent")
    assert await OutboxStore(ingest_db).settle_outbox(stalled, [settlement]) == 0
    assert await admin.fetchval("select status from ingest.outbox") == "pending"


async def test_a_relay_that_comes_back_after_its_lease_settles_nothing(
    ingest_db: Database, admin: Admin
) -> None:
    await an_item(admin)
    stalled = new_id()
    items = await claimed(ingest_db, stalled)
    # It was not claimed again yet: only the end of the lease counts.
    await admin.execute("update ingest.outbox set claim_expires_at = now() - interval '1 second'")
    settlement = Settlement(item=items[0], outcome="sent")
    assert await OutboxStore(ingest_db).settle_outbox(stalled, [settlement]) == 0
    assert await admin.fetchval("select status from ingest.outbox") == "pending"


async def test_each_outcome_leaves_the_row_as_it_says(ingest_db: Database, admin: Admin) -> None:
    for _ in range(4):
        await an_item(admin, due_at=datetime.now(UTC))
    token = new_id()
    sent, refused, retry, returned = await claimed(ingest_db, token)
    settlements = [
        Settlement(item=sent, outcome="sent"),
        Settlement(item=refused, outcome="refused", error="WORKSPACE_NOT_FOUND"),
        Settlement(item=retry, outcome="retry", error="UNAVAILABLE", retry_after_seconds=7),
        Settlement(item=returned, outcome="returned"),
    ]
    assert await OutboxStore(ingest_db).settle_outbox(token, settlements) == 4
    rows = {
        row["outbox_id"]: (row["status"], row["attempts"], row["last_error"])
        for row in await admin.fetch("select * from ingest.outbox")
    }
    assert rows[sent.outbox_id] == ("sent", 1, None)
    assert rows[refused.outbox_id] == ("refused", 1, "WORKSPACE_NOT_FOUND")
    assert rows[retry.outbox_id] == ("pending", 1, "UNAVAILABLE")
    assert rows[returned.outbox_id] == ("pending", 0, None)
