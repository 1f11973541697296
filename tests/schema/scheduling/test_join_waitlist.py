"""join_waitlist: a free slot is taken at once."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, broken_equations, join, outcome_of
from tests.schema.scheduling.builders import NOW, Admin, a_calendar, later

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)
WINDOW = (TOMORROW, TOMORROW + HOUR / 2)


async def status_of(admin: Admin, entry_id: UUID) -> str:
    """Whether an entry waits."""
    status: str = await admin.fetchval(
        "select status from scheduling.waitlist_entries where entry_id = $1", entry_id
    )
    return status


async def test_an_entry_that_joins_while_the_slot_is_free_gets_it_at_once(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    first = await join(scheduling_db, org_id, calendar_id, *WINDOW)
    second = await join(scheduling_db, org_id, calendar_id, *WINDOW, now=later(1))
    assert [await status_of(admin, each) for each in (first, second)] == ["promoted", "waiting"]
    assert await outcome_of(book(scheduling_db, org_id, calendar_id, TOMORROW)) == "SLOT_TAKEN"
    assert await broken_equations(scheduling_db) == {}
