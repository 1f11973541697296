"""Whoever waits and fits is promoted: at once, or by the sweep; the first in line first."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.builders import (
    ALL_DAY,
    NOW,
    Admin,
    a_calendar,
    add_exception,
    an_import,
    book,
    broken_equations,
    cancel,
    hold,
    holidays,
    join,
    later,
    outcome_of,
    promote_waiting,
    starts,
    trace,
    update_calendar,
)

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)
WINDOW = (TOMORROW, TOMORROW + HOUR / 2)


async def status_of(admin: Admin, entry_id: UUID) -> str:
    """Whether an entry waits."""
    status: str = await admin.fetchval(
        "select status from scheduling.waitlist_entries where entry_id = $1", entry_id
    )
    return status


async def test_who_joins_while_the_slot_is_free_gets_it_at_once(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    first = await join(scheduling_db, org_id, calendar_id, *WINDOW)
    second = await join(scheduling_db, org_id, calendar_id, *WINDOW, now=later(1))
    assert [await status_of(admin, each) for each in (first, second)] == ["promoted", "waiting"]
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "SLOT_TAKEN"
    assert await broken_equations(scheduling_db) == {}


async def test_those_whom_it_does_not_fit_stand_in_nobodys_way(
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


async def test_the_time_of_a_buffer_is_given_away_too(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, buffer_after_minutes=30)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    after = TOMORROW + HOUR
    entry = await join(scheduling_db, org_id, calendar_id, after, after + HOUR / 4)
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert await status_of(admin, entry) == "promoted"


async def test_an_entry_that_another_cancellation_looks_at_is_promoted_by_the_sweep(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    entry = await join(scheduling_db, org_id, calendar_id, *WINDOW)
    async with admin.transaction():
        await admin.execute("select * from scheduling.waitlist_entries for update")
        await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert await status_of(admin, entry) == "waiting"
    assert await promote_waiting(scheduling_db) == 1
    assert await status_of(admin, entry) == "promoted"
    assert await broken_equations(scheduling_db) == {}


async def test_two_cancellations_that_free_half_each_promote_by_the_sweep(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    halves = [
        await book(scheduling_db, org_id, calendar_id, TOMORROW + place * HOUR / 2, 30)
        for place in range(2)
    ]
    await book(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, 120)
    entry = await join(scheduling_db, org_id, calendar_id, *WINDOW)
    async with admin.transaction():
        await admin.execute(
            "select scheduling.cancel_appointment($1, $2, null, null, null, $3)",
            *(org_id, UUID(halves[0]["appointment_id"]), NOW),
        )
        await cancel(scheduling_db, org_id, halves[1]["appointment_id"])
    await promote_waiting(scheduling_db)
    assert await status_of(admin, entry) == "promoted"


async def test_what_is_left_of_a_hold_that_a_booking_ended_is_given_away(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW, 120, seconds=60)
    entry = await join(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, TOMORROW + 1.5 * HOUR)
    assert await outcome_of(
        book(scheduling_db, org_id, calendar_id, TOMORROW, now=later(2))
    ) == "booked"  # fmt: skip
    assert await status_of(admin, entry) == "waiting"
    await promote_waiting(scheduling_db, now=later(2))
    assert await status_of(admin, entry) == "promoted"
    assert await broken_equations(scheduling_db) == {}


DAY = date(2027, 1, 5)


async def other_hours(db: Database, org_id: UUID, calendar_id: UUID) -> None:
    """Opens by weekly hours."""
    await update_calendar(db, org_id, calendar_id, hours=ALL_DAY)


async def an_opening(db: Database, org_id: UUID, calendar_id: UUID) -> None:
    """Opens by an exception."""
    await add_exception(db, org_id, calendar_id, DAY, "open", 0, 1440)


async def a_workday(db: Database, org_id: UUID, calendar_id: UUID) -> None:
    """Opens by other holidays."""
    await holidays(db, org_id, "DE")


async def no_import(db: Database, org_id: UUID, calendar_id: UUID) -> None:
    """Opens by removing the only import."""
    (found,) = await db.rows("list_imports", p_org_id=org_id, p_calendar_id=calendar_id, p_limit=10)
    await db.value(
        "remove_import",
        p_org_id=org_id,
        p_import_id=UUID(found["import"]["import_id"]),
        p_traceparent=trace(),
    )


@pytest.mark.parametrize(
    ("hours", "holiday", "busy", "opens"),
    [
        ([], None, None, other_hours),
        ([], None, None, an_opening),
        (ALL_DAY, DAY, None, a_workday),
        (ALL_DAY, None, TOMORROW, no_import),
    ],
)
async def test_whatever_opens_the_time_the_sweep_promotes(
    scheduling_db: Database,
    admin: Admin,
    hours: list[Any],
    holiday: date | None,
    busy: datetime | None,
    opens: Callable[[Database, UUID, UUID], Awaitable[None]],
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, hours=hours, holiday_set="DE")
    if holiday:
        await holidays(scheduling_db, org_id, "DE", holiday)
    if busy:
        await an_import(scheduling_db, org_id, calendar_id, busy)
    entry = await join(scheduling_db, org_id, calendar_id, *WINDOW)
    await promote_waiting(scheduling_db)
    assert await status_of(admin, entry) == "waiting"
    await opens(scheduling_db, org_id, calendar_id)
    await promote_waiting(scheduling_db, now=later(1))
    assert await status_of(admin, entry) == "promoted"


async def test_the_sweep_goes_on_where_it_stopped_and_the_first_in_line_comes_first(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, hours=[])
    entries = [
        await join(scheduling_db, org_id, calendar_id, *WINDOW, now=later(minute))
        for minute in range(3)
    ]
    # Each tick looks at one; the time opens when the first was looked at and the second is next.
    assert await promote_waiting(scheduling_db, limit=1, now=later(4)) == 0
    await an_opening(scheduling_db, org_id, calendar_id)
    assert await promote_waiting(scheduling_db, limit=1, now=later(5)) == 1
    statuses = [await status_of(admin, each) for each in entries]
    assert statuses == ["promoted", "waiting", "waiting"]
    assert await promote_waiting(scheduling_db, limit=1, now=later(5)) is None


async def test_who_waited_in_vain_is_told_so(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await book(scheduling_db, org_id, calendar_id, TOMORROW)
    entry = await join(scheduling_db, org_id, calendar_id, *WINDOW)
    await promote_waiting(scheduling_db, now=WINDOW[1])
    assert await status_of(admin, entry) == "expired"
    actions = await admin.fetch(
        "select action from scheduling.audit_logs where subject_id = $1 order by ordinal", entry
    )
    assert [row["action"] for row in actions] == ["joined", "expired"]


async def test_a_cancellation_does_not_fail_because_of_who_waits(
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


async def test_the_sweep_ends_stale_holds_and_promotes_who_waits(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW, seconds=60)
    entry = await join(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR)

    async def sweep(minutes: float) -> int | None:
        swept: int | None = await scheduling_db.value(
            "expire_slot_holds",
            p_limit=10,
            p_every_seconds=1.0,
            p_traceparent=trace(),
            p_now=later(minutes),
        )
        return swept

    assert await sweep(0.5) == 0
    assert await sweep(1) == 1
    assert await sweep(1) is None
    status = await admin.fetchval(
        "select status from scheduling.waitlist_entries where entry_id = $1", entry
    )
    assert status == "promoted"
    assert await broken_equations(scheduling_db) == {}


async def test_a_cancellation_promotes_the_first_who_waits_in_the_same_transaction(
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


async def test_who_left_the_waitlist_is_not_promoted(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW)
    entry = await join(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR)
    await scheduling_db.value(
        "leave_waitlist", p_org_id=org_id, p_entry_id=entry, p_traceparent=trace(), p_now=NOW
    )
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    at = await starts(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR / 4)
    assert at == [TOMORROW]
