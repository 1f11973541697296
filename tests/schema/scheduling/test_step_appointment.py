"""step_appointment: the states of an appointment."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel, move, outcome_of, step
from tests.schema.scheduling.builders import NOW, a_calendar, a_service

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_a_completed_appointment_cannot_be_cancelled_moved_or_confirmed(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    id_ = booked["appointment_id"]
    early = step(scheduling_db, org_id, id_, "completed")
    assert await outcome_of(early) == "APPOINTMENT_STATE_REFUSED"
    after = TOMORROW + HOUR
    done = await step(scheduling_db, org_id, id_, "completed", now=after)
    assert done["status"] == "completed"
    for work in (
        cancel(scheduling_db, org_id, id_, now=after),
        move(scheduling_db, org_id, id_, TOMORROW + 5 * HOUR, now=after),
        step(scheduling_db, org_id, id_, "confirmed", now=after),
        step(scheduling_db, org_id, id_, "no_show", now=after),
    ):
        assert await outcome_of(work) == "APPOINTMENT_STATE_REFUSED"
    missing = cancel(scheduling_db, uuid4(), id_)
    assert await outcome_of(missing) == "APPOINTMENT_NOT_FOUND"


async def test_approval_and_no_show(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    service_id = await a_service(scheduling_db, org_id, [calendar_id], p_needs_approval=True)
    booked = await book(scheduling_db, org_id, None, TOMORROW, p_service_id=service_id)
    approved = await step(scheduling_db, org_id, booked["appointment_id"], "confirmed")
    assert (booked["status"], approved["status"]) == ("pending", "confirmed")
    missed = await step(
        scheduling_db, org_id, booked["appointment_id"], "no_show", now=TOMORROW + HOUR
    )
    assert missed["status"] == "no_show"
