"""hold_slot: the slot is taken until the hold expires."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, hold, outcome_of
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, later

TOMORROW = NOW + timedelta(days=1)


async def test_an_expired_hold_is_ended_by_a_booking_of_its_time(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=60)
    taken = book(scheduling_db, org_id, calendar_id, TOMORROW, now=NOW)
    assert await outcome_of(taken) == "SLOT_TAKEN"
    outcomes = await asyncio.gather(
        *(
            outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW, now=later(1)))
            for _ in range(50)
        )
    )
    assert Counter(outcomes) == {"booked": 1, "SLOT_TAKEN": 49}
    assert await admin.fetchval("select status from scheduling.holds") == "expired"
    assert await broken_equations(scheduling_db) == {}
