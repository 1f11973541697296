"""A tenant reads and changes nothing of another's, by functions and by SQL as the service."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
    book_series,
    cancel,
    confirm,
    delete,
    hold,
    join,
    leave,
    move,
    outcome_of,
    release,
    step,
)
from tests.schema.scheduling.builders import (
    NOW,
    Admin,
    a_calendar,
    a_service,
    add_exception,
    an_import,
    holidays,
)

TOMORROW = NOW + timedelta(days=1)
HOUR = timedelta(hours=1)
# Every table with an org_id of scheduling's own; each has a row of tenant B when these tests look.
TABLES = [
    *("appointments", "audit_logs", "calendar_exceptions", "calendar_hours", "calendars"),
    *("claims", "external_busy", "holiday_sets", "holidays", "holds", "imports", "series"),
    *("services", "waitlist_entries"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another tenant's things."""

    org_id: UUID
    calendar_id: UUID
    appointment_id: UUID
    hold_id: UUID
    entry_id: UUID


@pytest.fixture
async def other(scheduling_db: Database) -> Other:
    """Tenant B, with a row in every table."""
    db, org_id = scheduling_db, uuid4()
    calendar_id = await a_calendar(db, org_id)
    await add_exception(db, org_id, calendar_id, date(2027, 2, 1), "closed", 0, 60)
    await holidays(db, org_id, "DE", date(2027, 12, 25))
    await a_service(db, org_id, [calendar_id])
    await book_series(db, org_id, calendar_id, [TOMORROW])
    await an_import(db, org_id, calendar_id, TOMORROW + 9 * HOUR)
    booked = await book(db, org_id, calendar_id, TOMORROW + HOUR)
    return Other(
        org_id=org_id,
        calendar_id=calendar_id,
        appointment_id=UUID(booked["appointment_id"]),
        hold_id=await hold(db, org_id, calendar_id, TOMORROW + 3 * HOUR),
        entry_id=await join(db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR / 2),
    )


@pytest.mark.parametrize("table", TABLES)
async def test_the_service_role_sees_no_row_of_an_org_that_is_not_its_tenant(
    table: str, other: Other, admin: Admin
) -> None:
    sql = f"select count(*) from scheduling.{table}"
    assert await admin.fetchval(sql) > 0
    await admin.execute("set role waybill_scheduling")
    assert await admin.fetchval(sql) == 0
    for org_id, is_there in ((uuid4(), False), (other.org_id, True)):
        async with admin.transaction():
            await admin.execute("select scheduling.set_tenant(array[$1::uuid])", org_id)
            assert (await admin.fetchval(sql) > 0) is is_there


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda db, org, b: book(db, org, b.calendar_id, TOMORROW + 5 * HOUR), "CALENDAR"),
        (lambda db, org, b: hold(db, org, b.calendar_id, TOMORROW + 5 * HOUR), "CALENDAR"),
        (lambda db, org, b: join(db, org, b.calendar_id, TOMORROW, TOMORROW + HOUR), "CALENDAR"),
        (lambda db, org, b: cancel(db, org, b.appointment_id), "APPOINTMENT"),
        (lambda db, org, b: delete(db, org, b.appointment_id), "APPOINTMENT"),
        (lambda db, org, b: move(db, org, b.appointment_id, TOMORROW + 5 * HOUR), "APPOINTMENT"),
        (lambda db, org, b: step(db, org, b.appointment_id, "confirmed"), "APPOINTMENT"),
        (lambda db, org, b: confirm(db, org, b.hold_id), "HOLD"),
        (lambda db, org, b: release(db, org, b.hold_id), "HOLD"),
        (lambda db, org, b: leave(db, org, b.entry_id), "WAITLIST_ENTRY"),
    ],
)
async def test_no_function_changes_what_is_anothers(
    scheduling_db: Database,
    admin: Admin,
    other: Other,
    call: Callable[[Database, UUID, Other], Awaitable[Any]],
    reason: str,
) -> None:
    before = await admin.fetch("select * from scheduling.audit_logs order by audit_id")
    assert await outcome_of(call(scheduling_db, uuid4(), other)) == f"{reason}_NOT_FOUND"
    assert await admin.fetch("select * from scheduling.audit_logs order by audit_id") == before


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize(
    "statement",
    ["update scheduling.audit_logs set actor = 'tenant'", "delete from scheduling.audit_logs"],
)
async def test_history_cannot_be_changed(admin: Admin, statement: str) -> None:
    await admin.execute("set role waybill_scheduling")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await admin.execute(statement)
