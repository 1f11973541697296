"""Requests too old to be repeated are deleted, over all tenants."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.trace import new_root
from tests.schema.chassis.outbox_rows import Admin

NOW = datetime(2027, 1, 20, 12, tzinfo=UTC)
KEPT = timedelta(days=30)


async def a_request(admin: Admin, org_id: UUID, request_id: str, age: timedelta) -> None:
    await admin.execute(
        "insert into ingest.requests values ($1, $2, 'hash', '{}', $3, repeat('a', 32))",
        org_id, request_id, NOW - age,
    )  # fmt: skip


async def sweep(database: Database, *, limit: int = 10, now: datetime = NOW) -> int | None:
    swept: int | None = await database.value(
        "sweep_requests",
        p_kept_seconds=KEPT.total_seconds(),
        p_limit=limit,
        p_every_seconds=60.0,
        p_traceparent=new_root().traceparent,
        p_now=now,
    )
    return swept


async def left(admin: Admin) -> list[str]:
    rows = await admin.fetch("select request_id from ingest.requests order by 1")
    return [row["request_id"] for row in rows]


async def test_requests_are_deleted_by_their_age_over_all_orgs(
    ingest_db: Database, admin: Admin
) -> None:
    moment = timedelta(microseconds=1)
    for request_id, age in (("kept", KEPT), ("new", timedelta()), ("old", KEPT + moment)):
        await a_request(admin, uuid4(), request_id, age)
    await a_request(admin, uuid4(), "older", 2 * KEPT)
    assert await sweep(ingest_db) == 2
    assert await left(admin) == ["kept", "new"]


async def test_the_oldest_are_deleted_first_a_batch_each_tick(
    ingest_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    for number in range(5):
        await a_request(admin, org_id, f"{number}", KEPT + timedelta(days=number + 1))
    assert await sweep(ingest_db, limit=3) == 3
    assert await left(admin) == ["0", "1"]
    # Another process in the same minute does nothing.
    assert await sweep(ingest_db, limit=3, now=NOW + timedelta(seconds=59)) is None
    assert await sweep(ingest_db, limit=3, now=NOW + timedelta(seconds=60)) == 2


async def test_old_requests_are_found_by_index(ingest_db: Database, admin: Admin) -> None:
    await admin.execute(
        "insert into ingest.requests select gen_random_uuid(), 'r', 'hash', '{}',"
        " $1::timestamptz - n * interval '1 minute', repeat('a', 32)"
        " from generate_series(1, 50000) n",
        NOW,
    )
    await admin.execute("analyze ingest.requests")
    plan = await admin.fetch(
        "explain select from ingest.requests where created_at < $1 order by created_at limit 100",
        NOW - KEPT,
    )
    assert "idx_requests_created" in "\n".join(row[0] for row in plan)
