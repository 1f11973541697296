"""remove_exception: the weekly hours hold again."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
    outcome_of,
)
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, add_exception, trace

TOMORROW = NOW + timedelta(days=1)


async def test_a_removed_exception_no_longer_closes_and_a_repeat_changes_nothing(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    exception_id = await add_exception(
        scheduling_db, org_id, calendar_id, TOMORROW.date(), "closed", 0, 1440
    )
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "SLOT_CLOSED"

    async def remove(calendar_id: UUID) -> None:
        await scheduling_db.value(
            "remove_exception", p_org_id=org_id, p_calendar_id=calendar_id,
            p_exception_id=exception_id, p_traceparent=trace(), p_now=NOW,
        )  # fmt: skip

    for _ in range(2):
        await remove(calendar_id)
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    count = "select count(*) from scheduling.audit_logs where action = 'exception_removed'"
    assert await admin.fetchval(count) == 1
    assert await outcome_of(remove(uuid4())) == "CALENDAR_NOT_FOUND"
