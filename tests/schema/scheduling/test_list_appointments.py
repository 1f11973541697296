"""list_appointments: of one calendar, as its feed has them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel, move
from tests.schema.scheduling.builders import NOW, a_calendar

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_a_calendars_list_and_feed_have_each_appointment_once_wherever_it_was_moved(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    rooms = [await a_calendar(scheduling_db, org_id, buffer_before_minutes=15) for _ in range(2)]
    past, gone, moved, both = [
        (await book(scheduling_db, org_id, None, TOMORROW + hour * HOUR, p_calendar_ids=calendars))[
            "appointment_id"
        ]
        for hour, calendars in ((0, rooms[:1]), (2, rooms[:1]), (4, rooms[:1]), (6, rooms))
    ]
    await book(scheduling_db, org_id, rooms[1], TOMORROW)
    await cancel(scheduling_db, org_id, gone)
    for hour in (10, 4, 10):
        await move(scheduling_db, org_id, moved, TOMORROW + hour * HOUR)

    async def listed(**more: Any) -> list[str]:
        rows = await scheduling_db.rows(
            "list_appointments",
            **{
                "p_org_id": org_id, "p_calendar_id": rooms[0], "p_contact_id": None,
                "p_status": None, "p_from": None, "p_to": None, "p_limit": 10, **more,
            },
        )  # fmt: skip
        return [row["appointment"]["appointment_id"] for row in rows]

    assert await listed() == [past, gone, both, moved]
    assert await listed(p_status="open") == [past, both, moved]
    assert await listed(p_from=TOMORROW + HOUR, p_to=TOMORROW + 7 * HOUR) == [gone, both]
    after = {"p_after_at": TOMORROW + 2 * HOUR, "p_after_id": UUID(gone)}
    assert await listed(p_limit=1, **after) == [both]
    assert await listed(p_calendar_id=uuid4()) == []

    async def fed(limit: int) -> list[str]:
        rows = await scheduling_db.rows(
            "list_feed_appointments", p_org_id=org_id, p_calendar_id=rooms[0], p_from=NOW,
            p_limit=limit, p_now=TOMORROW + 5 * HOUR,
        )  # fmt: skip
        return [row["appointment"]["appointment_id"] for row in rows]

    assert await fed(10) == [past, gone, both, moved]
    # What is to come has the room, and of what is past the last.
    assert await fed(3) == [gone, both, moved]
    assert await fed(1) == [both]
