"""Claims of the outbox as every service has it, here in ingest's schema."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.outbox.store import OutboxStore
from tests.schema.chassis.outbox_rows import NOW, Admin, an_item, claim, claimed


async def test_a_claim_takes_due_rows_of_its_topic_oldest_first(
    ingest_db: Database, admin: Admin
) -> None:
    younger = await an_item(admin, due_at=NOW - timedelta(seconds=1))
    older = await an_item(admin, due_at=NOW - timedelta(seconds=2))
    await an_item(admin, topic="other")
    await an_item(admin, due_at=NOW + timedelta(seconds=1))
    assert await claim(ingest_db, NOW) == [older, younger]


async def test_a_claimed_row_is_due_again_when_its_lease_ran_out(
    ingest_db: Database, admin: Admin
) -> None:
    subject = await an_item(admin)
    assert await claim(ingest_db, NOW) == [subject]
    assert await admin.fetchval("select due_at from ingest.outbox") == NOW, "it keeps its place"
    assert await claim(ingest_db, NOW + timedelta(seconds=29)) == []
    assert await claim(ingest_db, NOW + timedelta(seconds=30)) == [subject]


async def test_a_claim_waits_for_no_disk_and_what_is_settled_does(admin: Admin) -> None:
    await an_item(admin, due_at=datetime.now(UTC))
    token = new_id()
    async with admin.transaction():
        (item,) = await admin.fetch("select * from ingest.claim_outbox('next', $1, 1, 30)", token)
        assert await admin.fetchval("show synchronous_commit") == "off"
    async with admin.transaction():
        settled = await admin.fetchval(
            "select ingest.settle_outbox(array[$1::uuid], array[$2::uuid], $3, '{sent}', '{null}',"
            " '{0}')",
            item["org_id"], item["outbox_id"], token,
        )  # fmt: skip
        assert settled == 1
        assert await admin.fetchval("show synchronous_commit") == "on"


async def test_a_backlog_is_claimed_once_a_part_at_a_time(
    ingest_db: Database, admin: Admin
) -> None:
    org_ids = [uuid4(), uuid4()]
    waiting = {
        await an_item(admin, due_at=NOW - timedelta(seconds=place), org_id=org_ids[place % 2])
        for place in range(50)
    }
    claims = [await claim(ingest_db, NOW, limit=4) for _ in range(13)]
    claimed = [subject for rows in claims for subject in rows]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == waiting


async def test_a_claim_above_the_watermark_leaves_older_rows_to_the_sweep(
    ingest_db: Database, admin: Admin
) -> None:
    old = await an_item(admin, due_at=NOW - timedelta(hours=1))
    new = await an_item(admin, due_at=NOW)
    store = OutboxStore(ingest_db)
    bound = NOW - timedelta(minutes=1)
    above = await store.claim_outbox(
        topic="next", token=new_id(), limit=10, lease_seconds=30, due_from=bound
    )
    assert [item.subject_id for item in above] == [new]
    assert [item.subject_id for item in await claimed(ingest_db, new_id())] == [old]
