"""delete_appointment: soft, and the time is free."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, outcome_of
from tests.schema.scheduling.builders import NOW, a_calendar, trace

TOMORROW = NOW + timedelta(days=1)


async def test_a_deleted_appointment_is_in_no_list_and_its_time_is_free(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    id_ = UUID(booked["appointment_id"])
    await scheduling_db.value(
        "delete_appointment",
        p_org_id=org_id,
        p_appointment_id=id_,
        p_traceparent=trace(),
        p_now=NOW,
    )
    assert await scheduling_db.row("get_appointment", p_org_id=org_id, p_appointment_id=id_) is None
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    assert await broken_equations(scheduling_db) == {}
