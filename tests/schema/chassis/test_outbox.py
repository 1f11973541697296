"""The outbox as every service has it, here in ingest's schema."""

from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.outbox.store import OutboxItem, OutboxStore, Settlement
from services.chassis.trace import new_root

Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def an_item(
    admin: Admin, *, topic: str = "next", due_at: datetime = NOW, org_id: UUID | None = None
) -> UUID:
    """A pending row; answers its subject's id."""
    trace, subject_id = new_root(), uuid4()
    await admin.execute(
        """insert into ingest.outbox (org_id, outbox_id, topic, subject_id, payload, enqueued_at,
           due_at, trace_id, traceparent) values ($1, $2, $3, $4, '{}', $5, $5, $6, $7)""",
        org_id or uuid4(), new_id(), topic, subject_id, due_at, trace.trace_id, trace.traceparent,
    )  # fmt: skip
    return subject_id


async def claim(
    database: Database, now: datetime, *, token: UUID | None = None, limit: int = 10
) -> list[UUID]:
    rows = await database.rows(
        "claim_outbox",
        p_topic="next",
        p_token=token or new_id(),
        p_limit=limit,
        p_lease_seconds=30.0,
        p_now=now,
    )
    return [row["subject_id"] for row in rows]


async def claimed(database: Database, token: UUID) -> list[OutboxItem]:
    return await OutboxStore(database).claim_outbox(
        topic="next", token=token, limit=10, lease_seconds=30
    )


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
    # Nobody has claimed it again yet: the end of the lease alone is what counts.
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
