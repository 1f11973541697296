"""list_feed_appointments: what a feed holds where a calendar has more appointments than fit."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel
from tests.schema.scheduling.builders import NOW, a_calendar

DAY = timedelta(days=1)
# Three before NOW and three after it, as days from it.
DAYS = (-3, -2, -1, 1, 2, 3)


async def days_of_feed(db: Database, org_id: UUID, calendar_id: UUID, limit: int) -> list[int]:
    """The days from NOW of what the feed holds."""
    rows = await db.rows(
        "list_feed_appointments",
        p_org_id=org_id,
        p_calendar_id=calendar_id,
        p_from=NOW - 30 * DAY,
        p_limit=limit,
        p_now=NOW,
    )
    times = [row["appointment"]["scheduled_at"] for row in rows]
    known = {(NOW + day * DAY).isoformat(): day for day in DAYS}
    return [known[at] for at in times]


async def test_what_is_ahead_is_never_cut_off_by_what_is_past(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    for day in DAYS:
        await book(scheduling_db, org_id, calendar_id, NOW + day * DAY, now=NOW - 4 * DAY)
    held = {
        limit: await days_of_feed(scheduling_db, org_id, calendar_id, limit)
        for limit in (2, 3, 4, 5, 100)
    }
    assert held == {
        2: [1, 2],
        3: [1, 2, 3],
        4: [-1, 1, 2, 3],
        5: [-2, -1, 1, 2, 3],
        100: [-3, -2, -1, 1, 2, 3],
    }


async def test_a_feed_is_of_one_calendar_with_its_cancellations(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id, other_id = [await a_calendar(scheduling_db, org_id) for _ in range(2)]
    await book(scheduling_db, org_id, other_id, NOW + 2 * DAY)
    booked = await book(scheduling_db, org_id, calendar_id, NOW + DAY)
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    assert await days_of_feed(scheduling_db, org_id, calendar_id, 100) == [1]
    assert await days_of_feed(scheduling_db, uuid4(), calendar_id, 100) == []
