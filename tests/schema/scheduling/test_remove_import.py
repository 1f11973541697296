"""remove_import: its busy times no longer close the calendar."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
    outcome_of,
)
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, an_import, trace

TOMORROW = NOW + timedelta(days=1)


async def test_a_removed_import_no_longer_closes_and_a_repeat_changes_nothing(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    import_id = await an_import(scheduling_db, org_id, calendar_id, TOMORROW)
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "SLOT_CLOSED"

    async def remove(import_id: UUID) -> None:
        await scheduling_db.value(
            "remove_import", p_org_id=org_id, p_import_id=import_id, p_traceparent=trace(),
            p_now=NOW,
        )  # fmt: skip

    for _ in range(2):
        await remove(import_id)
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    count = "select count(*) from scheduling.audit_logs where action = 'removed'"
    assert await admin.fetchval(count) == 1
    assert await outcome_of(remove(uuid4())) == "IMPORT_NOT_FOUND"
