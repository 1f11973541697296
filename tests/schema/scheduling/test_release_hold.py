"""release_hold: the time is free again."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, confirm, hold, outcome_of, release
from tests.schema.scheduling.builders import NOW, a_calendar

TOMORROW = NOW + timedelta(days=1)


async def test_a_released_hold_frees_its_time(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    held = await hold(scheduling_db, org_id, calendar_id, TOMORROW)
    assert (await release(scheduling_db, org_id, held))["status"] == "released"
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    assert await outcome_of(confirm(scheduling_db, org_id, held)) == "HOLD_ENDED"
