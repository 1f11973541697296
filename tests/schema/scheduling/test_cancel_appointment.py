"""cancel_appointment: the time is free, or the waitlist's, in the same transaction."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, cancel, join, outcome_of
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, later

TOMORROW = NOW + timedelta(days=1)


async def test_a_cancelled_time_is_free_and_a_repeat_changes_nothing(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    first = await cancel(scheduling_db, org_id, booked["appointment_id"])
    again = await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert first == again
    assert first["status"] == "cancelled"
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "booked"
    changes = await admin.fetchval(
        "select count(*) from scheduling.audit_logs where subject_id = $1",
        UUID(booked["appointment_id"]),
    )
    assert changes == 2


HOUR = timedelta(hours=1)

WINDOW = (TOMORROW, TOMORROW + HOUR / 2)


async def status_of(admin: Admin, entry_id: UUID) -> str:
    """Whether an entry waits."""
    status: str = await admin.fetchval(
        "select status from scheduling.waitlist_entries where entry_id = $1", entry_id
    )
    return status


async def test_entries_that_do_not_fit_do_not_block_the_others(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await book(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, 120)
    for minute in range(25):
        await join(scheduling_db, org_id, calendar_id, *WINDOW, 120, now=later(minute / 60))
    last = await join(scheduling_db, org_id, calendar_id, *WINDOW, now=later(1))
    await cancel(scheduling_db, org_id, booked["appointment_id"], now=later(2))
    assert await status_of(admin, last) == "promoted"


async def test_the_time_of_a_buffer_is_offered_too(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, buffer_after_minutes=30)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    after = TOMORROW + HOUR
    entry = await join(scheduling_db, org_id, calendar_id, after, after + HOUR / 4)
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert await status_of(admin, entry) == "promoted"


async def test_a_cancellation_does_not_fail_because_of_the_waitlist(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id) for _ in range(2)]
    booked = await book(scheduling_db, org_id, rooms[0], TOMORROW)
    entry = await join(scheduling_db, org_id, None, *WINDOW, calendar_ids=rooms)
    await admin.execute("alter function scheduling.place_claims set lock_timeout = '50ms'")
    async with admin.transaction():
        await admin.execute(
            "select scheduling.book_appointment_with_lock($1, $2, $3, 60, p_calendar_ids => $4,"
            " p_now => $5)",
            *(org_id, uuid4(), TOMORROW, [rooms[1]], NOW),
        )
        cancelled = await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert cancelled["status"] == "cancelled"
    assert await status_of(admin, entry) == "waiting"
    assert await broken_equations(scheduling_db) == {}


async def test_a_cancellation_promotes_the_first_in_line_in_the_same_transaction(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await book(scheduling_db, org_id, calendar_id, TOMORROW + 9 * HOUR, 120)
    window = (TOMORROW, TOMORROW + HOUR / 2)
    elsewhere = await join(
        scheduling_db, org_id, calendar_id, TOMORROW + 9 * HOUR, TOMORROW + 10 * HOUR
    )
    first = await join(scheduling_db, org_id, calendar_id, *window, now=later(1))
    second = await join(scheduling_db, org_id, calendar_id, *window, now=later(2))
    outcomes = await asyncio.gather(
        outcome_of(cancel(scheduling_db, org_id, booked["appointment_id"], now=later(3))),
        *(
            outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW, now=later(3)))
            for _ in range(20)
        ),
    )
    # The freed time was never anybody else's to see.
    assert Counter(outcomes) == {"booked": 1, "SLOT_TAKEN": 20}
    entries = await admin.fetch("select entry_id, status from scheduling.waitlist_entries")
    assert {row["entry_id"]: row["status"] for row in entries} == {
        elsewhere: "waiting",
        first: "promoted",
        second: "waiting",
    }
    assert await broken_equations(scheduling_db) == {}
