"""confirm_hold: a live hold becomes an appointment."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
    broken_equations,
    confirm,
    hold,
    outcome_of,
    refusal_of,
)
from tests.schema.scheduling.builders import NOW, a_calendar, later

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_a_hold_is_confirmed_until_it_expires(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    in_time = await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=60)
    too_late = await hold(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, seconds=60)
    last_moment = NOW + timedelta(seconds=59)
    made = await confirm(scheduling_db, org_id, in_time, now=last_moment)
    assert made["status"] == "confirmed"
    assert await confirm(scheduling_db, org_id, in_time, now=last_moment) == made
    refused = await refusal_of(confirm(scheduling_db, org_id, too_late, now=later(1)))
    assert (refused.reason, refused.metadata["status"]) == ("HOLD_ENDED", "expired")


async def test_a_hold_confirmed_while_others_want_its_time_stays_its_holders(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    held = await hold(scheduling_db, org_id, calendar_id, TOMORROW)
    outcomes = await asyncio.gather(
        *(outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) for _ in range(20)),
        *(outcome_of(confirm(scheduling_db, org_id, held)) for _ in range(3)),
    )
    assert Counter(outcomes) == {"SLOT_TAKEN": 20, "booked": 3}
    assert await broken_equations(scheduling_db) == {}
