"""emit_reminders: once, a day before."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, trace

HOUR = timedelta(hours=1)


async def test_reminders_leave_once_a_day_before(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    at = NOW + timedelta(days=3)
    await book(scheduling_db, org_id, calendar_id, at)
    gone = await book(scheduling_db, org_id, calendar_id, at + HOUR)
    await cancel(scheduling_db, org_id, gone["appointment_id"])

    async def emit(days: float) -> int | None:
        emitted: int | None = await scheduling_db.value(
            "emit_reminders",
            p_limit=10,
            p_every_seconds=1.0,
            p_traceparent=trace(),
            p_now=NOW + timedelta(days=days),
        )
        return emitted

    assert [await emit(days) for days in (1.9, 2.01, 2.02)] == [0, 1, 0]
    kinds = await admin.fetch("select payload ->> 'type' as kind from scheduling.outbox")
    assert Counter(row["kind"] for row in kinds) == {
        "appointment_booked": 2,
        "appointment_cancelled": 1,
        "appointment_reminder": 1,
    }
