"""archive_service: an archived service is booked no longer."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
    outcome_of,
)
from tests.schema.scheduling.builders import NOW, a_calendar, a_service, trace

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_an_archived_service_is_not_booked_and_keeps_its_bookings(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    service_id = await a_service(scheduling_db, org_id, [await a_calendar(scheduling_db, org_id)])
    booked = await book(scheduling_db, org_id, None, TOMORROW, p_service_id=service_id)

    async def archive(service_id: UUID) -> Any:
        return await scheduling_db.value(
            "archive_service", p_org_id=org_id, p_service_id=service_id, p_traceparent=trace()
        )

    first = await archive(service_id)
    assert (first["status"], first["version"]) == ("archived", 2)
    assert await archive(service_id) == first
    again = book(scheduling_db, org_id, None, TOMORROW + HOUR, p_service_id=service_id)
    assert await outcome_of(again) == "SERVICE_NOT_FOUND"
    kept = await scheduling_db.value(
        "get_appointment", p_org_id=org_id, p_appointment_id=UUID(booked["appointment_id"])
    )
    assert kept["status"] == "confirmed"
    assert await outcome_of(archive(uuid4())) == "SERVICE_NOT_FOUND"
