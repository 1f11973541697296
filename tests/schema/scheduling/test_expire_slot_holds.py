"""expire_slot_holds: expired holds end and their time goes to the waitlist."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import broken_equations, hold, join
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, later, trace

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_the_sweep_ends_expired_holds_and_promotes_the_waitlist(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=60)
    entry = await join(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR)

    async def sweep(minutes: float) -> int | None:
        swept: int | None = await scheduling_db.value(
            "expire_slot_holds",
            p_limit=10,
            p_every_seconds=1.0,
            p_traceparent=trace(),
            p_now=later(minutes),
        )
        return swept

    assert await sweep(0.5) == 0
    assert await sweep(1) == 1
    assert await sweep(1) is None
    status = await admin.fetchval(
        "select status from scheduling.waitlist_entries where entry_id = $1", entry
    )
    assert status == "promoted"
    assert await broken_equations(scheduling_db) == {}
