"""Old ticks are deleted."""

from datetime import UTC, datetime, timedelta

from services.chassis.database import Database
from services.chassis.trace import new_root
from tests.schema.chassis.outbox_rows import Admin

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def sweep(database: Database, now: datetime) -> int | None:
    swept: int | None = await database.value(
        "sweep_ticks", p_traceparent=new_root().traceparent, p_now=now
    )
    return swept


async def test_old_ticks_are_deleted_a_thousand_at_a_time(
    ingest_db: Database, admin: Admin
) -> None:
    await admin.execute(
        "insert into ingest.ticks select 'old', $1::timestamptz - n * interval '1 minute', $1,"
        " repeat('a', 32) from generate_series(1, 2600) n",
        NOW - timedelta(days=1),
    )
    swept = [await sweep(ingest_db, NOW + timedelta(hours=hour)) for hour in range(4)]
    assert swept == [1000, 1000, 600, 0]
