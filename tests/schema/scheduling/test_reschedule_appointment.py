"""reschedule_appointment: all or nothing, never with an overlap."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, move, outcome_of, overlaps
from tests.schema.scheduling.builders import NOW, Admin, a_calendar

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_a_move_frees_the_old_time_and_takes_the_new(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    moved = await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW + 3 * HOUR)
    assert (moved["scheduled_at"], moved["sequence"]) == ("2027-01-05T11:00:00+00:00", 1)
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    taken = book(scheduling_db, org_id, calendar_id, TOMORROW + 3 * HOUR)
    assert await outcome_of(taken) == "SLOT_TAKEN"
    assert await broken_equations(scheduling_db) == {}


async def test_a_move_that_overlaps_itself_and_a_longer_duration(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    id_ = booked["appointment_id"]
    moved = await move(scheduling_db, org_id, id_, TOMORROW + HOUR / 2, 90)
    assert moved["duration_minutes"] == 90
    assert await broken_equations(scheduling_db) == {}


async def test_a_move_to_the_same_time_changes_nothing(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    moved = await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW, 60)
    assert moved == {key: each for key, each in booked.items() if key != "lock_rejected"}
    assert await broken_equations(scheduling_db) == {}


async def test_a_refused_move_leaves_the_appointment_where_it_was(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    mine = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await book(scheduling_db, org_id, calendar_id, TOMORROW + HOUR)
    refused = move(scheduling_db, org_id, mine["appointment_id"], TOMORROW + HOUR / 2)
    assert await outcome_of(refused) == "SLOT_TAKEN"
    taken = book(scheduling_db, org_id, calendar_id, TOMORROW)
    assert await outcome_of(taken) == "SLOT_TAKEN"
    assert await broken_equations(scheduling_db) == {}


async def test_many_moves_at_once_end_without_overlap(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    ids = [
        (await book(scheduling_db, org_id, calendar_id, TOMORROW + place * HOUR))["appointment_id"]
        for place in range(20)
    ]
    # Each move goes to the time of another appointment, or to one of a few free times.
    outcomes = await asyncio.gather(
        *(
            outcome_of(move(scheduling_db, org_id, id_, TOMORROW + (place * 7 + n) % 26 * HOUR))
            for n in range(5)
            for place, id_ in enumerate(ids)
        )
    )
    assert set(outcomes) <= {"booked", "SLOT_TAKEN"}
    assert Counter(outcomes)["booked"] > 0
    assert await overlaps(admin) == 0
    assert await broken_equations(scheduling_db) == {}
