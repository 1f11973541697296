"""leave_waitlist: an entry that left is not promoted."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel, join
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, starts, trace

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_an_entry_that_left_is_not_promoted(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    entry = await join(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR)
    await scheduling_db.value(
        "leave_waitlist", p_org_id=org_id, p_entry_id=entry, p_traceparent=trace(), p_now=NOW
    )
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    at = await starts(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR / 4)
    assert at == [TOMORROW]
