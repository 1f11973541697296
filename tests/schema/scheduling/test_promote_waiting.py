"""promote_waiting: whatever opened the time, the first entry in line gets it."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
    broken_equations,
    cancel,
    hold,
    join,
    outcome_of,
    promote_waiting,
)
from tests.schema.scheduling.builders import (
    ALL_DAY,
    NOW,
    Admin,
    a_calendar,
    add_exception,
    an_import,
    holidays,
    later,
    trace,
    update_calendar,
)

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)
WINDOW = (TOMORROW, TOMORROW + HOUR / 2)
DAY = date(2027, 1, 5)


async def status_of(admin: Admin, entry_id: UUID) -> str:
    """Whether an entry waits."""
    status: str = await admin.fetchval(
        "select status from scheduling.waitlist_entries where entry_id = $1", entry_id
    )
    return status


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


async def test_an_entry_that_is_locked_during_a_cancellation_is_promoted_by_the_sweep(
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


async def test_the_rest_of_a_hold_that_a_booking_ended_is_offered(
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
    # Each tick reviews one entry; the time opens after the first was reviewed.
    assert await promote_waiting(scheduling_db, limit=1, now=later(4)) == 0
    await an_opening(scheduling_db, org_id, calendar_id)
    assert await promote_waiting(scheduling_db, limit=1, now=later(5)) == 1
    statuses = [await status_of(admin, each) for each in entries]
    assert statuses == ["promoted", "waiting", "waiting"]
    assert await promote_waiting(scheduling_db, limit=1, now=later(5)) is None


async def test_an_entry_whose_time_has_passed_expires(
    scheduling_db: Database, admin: Admin
) -> None:
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
