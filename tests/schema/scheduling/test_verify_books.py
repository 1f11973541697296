"""verify_books: each equation names what breaks it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, cancel, hold
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, later, update_calendar

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("tampering", "equation"),
    [
        ("update scheduling.claims set status = 'released'", "each pending or confirmed"),
        ("update scheduling.appointments set status = 'cancelled'", "no claim outlives"),
        ("update scheduling.appointments set change_count = 5", "each appointment has an audit"),
        ("delete from scheduling.outbox", "each change of an appointment"),
        ("update scheduling.claims set trace_id = repeat('0', 32)", "no row without a trace"),
        ("update scheduling.holds set status = 'released'", "no claim outlives"),
        (
            "delete from scheduling.claims where status = 'held'",
            "each live hold claims",
        ),
        (
            """alter table scheduling.claims drop constraint claims_never_overlap;
               insert into scheduling.claims
               select org_id, gen_random_uuid(), calendar_id, seat, during, status,
                 hold_expires_at, hold_id, appointment_id, created_at, null, null, trace_id
               from scheduling.claims where status = 'booked'""",
            "no two live claims",
        ),
    ],
)
async def test_each_equation_names_what_breaks_it(
    scheduling_db: Database, admin: Admin, tampering: str, equation: str
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    await book(scheduling_db, org_id, calendar_id, TOMORROW)
    await hold(scheduling_db, org_id, calendar_id, TOMORROW + HOUR)
    assert await broken_equations(scheduling_db) == {}
    await admin.execute(tampering)
    broken = await broken_equations(scheduling_db)
    assert any(name.startswith(equation) for name in broken), broken


async def test_one_too_many_since_the_capacity_was_lowered_is_a_violation(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, capacity=2)
    first, _ = [await book(scheduling_db, org_id, calendar_id, TOMORROW) for _ in range(2)]
    await cancel(scheduling_db, org_id, first["appointment_id"])
    await update_calendar(scheduling_db, org_id, calendar_id, capacity=1, now=later(1))
    third = await book(scheduling_db, org_id, calendar_id, TOMORROW + HOUR, now=later(2))
    await admin.execute(
        "update scheduling.claims set during = tstzrange($2::timestamptz, $2 + interval '1 hour')"
        " where appointment_id = $1",
        *(UUID(third["appointment_id"]), TOMORROW),
    )
    broken = await broken_equations(scheduling_db)
    assert any(name.startswith("no more live claims at a time") for name in broken)
