"""create_service: on calendars that exist."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import refusal_of
from tests.schema.scheduling.builders import a_calendar, a_service, update_calendar


async def test_a_service_needs_calendars_in_use(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    assert await a_service(scheduling_db, org_id, [calendar_id])
    await update_calendar(scheduling_db, org_id, calendar_id, status="archived")
    for unknown in (calendar_id, uuid4()):
        refused = await refusal_of(a_service(scheduling_db, org_id, [unknown]))
        assert refused.reason == "CALENDAR_NOT_FOUND"
        assert refused.metadata["calendar_id"] == str(unknown)
