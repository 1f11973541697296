"""resolve_calendars: as the booking of a service would."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    outcome_of,
)
from tests.schema.scheduling.builders import a_calendar, a_service, update_calendar


async def test_the_calendars_of_a_service_come_sorted_or_it_is_refused(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id) for _ in range(3)]
    service_id = await a_service(scheduling_db, org_id, rooms[::-1])

    async def resolve(service_id: UUID, minutes: int) -> Any:
        return await scheduling_db.value(
            "resolve_calendars", p_org_id=org_id, p_service_id=service_id,
            p_duration_minutes=minutes,
        )  # fmt: skip

    assert await resolve(service_id, 30) == sorted(rooms)
    assert await outcome_of(resolve(service_id, 31)) == "DURATION_REFUSED"
    assert await outcome_of(resolve(uuid4(), 30)) == "SERVICE_NOT_FOUND"
    await update_calendar(scheduling_db, org_id, rooms[0], status="archived")
    assert await outcome_of(resolve(service_id, 30)) == "CALENDAR_NOT_FOUND"
