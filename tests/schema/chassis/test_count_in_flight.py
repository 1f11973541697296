"""count_in_flight: which unsettled rows explain that two totals differ."""

from datetime import datetime, timedelta

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.outbox.store import DEFERRED, SENT
from tests.schema.chassis.outbox_rows import NOW, Admin, an_item, claim


async def in_flight(database: Database, now: datetime) -> dict[str, int]:
    rows = await database.rows("count_in_flight", p_now=now)
    return {row["topic"]: row["row_count"] for row in rows}


async def settle(database: Database, admin: Admin, outcome: str, token: object) -> None:
    rows = await admin.fetch("select org_id, outbox_id from ingest.outbox")
    await database.rows(
        "settle_outbox",
        p_org_ids=[row["org_id"] for row in rows],
        p_outbox_ids=[row["outbox_id"] for row in rows],
        p_token=token,
        p_outcomes=[outcome for _ in rows],
        p_errors=[None for _ in rows],
        p_retry_after_seconds=[0.0 for _ in rows],
        p_now=NOW + timedelta(seconds=1),
    )


async def test_a_row_is_in_flight_while_its_lease_is_held(
    ingest_db: Database, admin: Admin
) -> None:
    await an_item(admin)
    await an_item(admin)
    await an_item(admin, topic="other")
    assert await in_flight(ingest_db, NOW) == {}, "nobody claimed them"
    await claim(ingest_db, NOW, limit=1)
    assert await in_flight(ingest_db, NOW + timedelta(seconds=29)) == {"next": 1}


async def test_a_lease_that_ran_out_explains_nothing(ingest_db: Database, admin: Admin) -> None:
    await an_item(admin)
    await claim(ingest_db, NOW)
    assert await in_flight(ingest_db, NOW + timedelta(seconds=30)) == {}


async def test_a_row_that_was_given_back_is_in_flight_as_long_as_a_lease(
    ingest_db: Database, admin: Admin
) -> None:
    await an_item(admin)
    token = new_id()
    await claim(ingest_db, NOW, token=token)
    await settle(ingest_db, admin, DEFERRED, token)
    assert await in_flight(ingest_db, NOW + timedelta(seconds=29)) == {"next": 1}
    assert await in_flight(ingest_db, NOW + timedelta(seconds=30)) == {}


async def test_a_settled_row_is_not_in_flight(ingest_db: Database, admin: Admin) -> None:
    await an_item(admin)
    token = new_id()
    await claim(ingest_db, NOW, token=token)
    await settle(ingest_db, admin, SENT, token)
    assert await in_flight(ingest_db, NOW + timedelta(seconds=2)) == {}
