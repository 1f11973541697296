"""update_service: a service is booked as it is then."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, outcome_of
from tests.schema.scheduling.builders import NOW, a_calendar, a_service, trace

TOMORROW = NOW + timedelta(days=1)


async def update_service(
    db: Database, org_id: UUID, service_id: UUID, version: int, **changes: Any
) -> Any:
    """Changes a service."""
    return await db.value(
        "update_service",
        p_org_id=org_id,
        p_service_id=service_id,
        p_version=version,
        p_settings=changes,
        p_traceparent=trace(),
        p_now=NOW,
    )


async def test_a_changed_service_is_booked_as_it_is_then(scheduling_db: Database) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id) for _ in range(2)]
    service_id = await a_service(scheduling_db, org_id, rooms[:1])
    changed = await update_service(
        scheduling_db, org_id, service_id, 1,
        calendar_ids=[str(room) for room in rooms], durations_minutes=[45], price_credits=2,
    )  # fmt: skip
    assert (changed["version"], changed["name"]) == (2, "Consultation")
    booked = await book(scheduling_db, org_id, None, TOMORROW, 45, p_service_id=service_id)
    assert (len(booked["calendar_ids"]), booked["price_credits"]) == (2, 2)
    stale = update_service(scheduling_db, org_id, service_id, 1, needs_approval=True)
    assert await outcome_of(stale) == "ETAG_MISMATCH"
    unknown = update_service(scheduling_db, org_id, service_id, 2, calendar_ids=[str(uuid4())])
    assert await outcome_of(unknown) == "CALENDAR_NOT_FOUND"
    missing = update_service(scheduling_db, uuid4(), service_id, 2, needs_approval=True)
    assert await outcome_of(missing) == "SERVICE_NOT_FOUND"
