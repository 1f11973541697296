"""list_free_ranges: pages of free time."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, outcome_of
from tests.schema.scheduling.builders import NOW, OFFICE, a_calendar

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_free_times_put_together_by_page_are_the_whole(scheduling_db: Database) -> None:
    org_id = uuid4()
    # More calendars than the function reads first.
    rooms = [await a_calendar(scheduling_db, org_id, hours=OFFICE) for _ in range(18)]
    await book(scheduling_db, org_id, rooms[1], TOMORROW + 3 * HOUR)
    window: dict[str, Any] = {
        "p_org_id": org_id, "p_calendar_ids": rooms, "p_from": TOMORROW,
        "p_to": TOMORROW + timedelta(days=14), "p_now": NOW,
    }  # fmt: skip
    whole = [tuple(row.values()) for row in await scheduling_db.rows(
        "list_free_ranges", **window, p_limit=1000)]  # fmt: skip
    paged: list[tuple[Any, ...]] = []
    after: dict[str, Any] = {}
    while rows := await scheduling_db.rows("list_free_ranges", **window, p_limit=7, **after):
        paged += [tuple(row.values()) for row in rows]
        after = {"p_after_calendar_id": paged[-1][0], "p_after_start": paged[-1][1]}
    assert paged == whole == sorted(whole)
    assert len(whole) == 18 * 10 + 1
    missing = scheduling_db.rows("list_free_ranges", **{**window, "p_calendar_ids": [uuid4()]},
                                 p_limit=1)  # fmt: skip
    assert await outcome_of(missing) == "CALENDAR_NOT_FOUND"
