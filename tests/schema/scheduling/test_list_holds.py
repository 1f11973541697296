"""list_holds: pages, oldest first, of one status or all."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    hold,
    release,
)
from tests.schema.scheduling.builders import NOW, a_calendar, later

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_pages_put_together_are_the_holds_of_a_status(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    made = [
        await hold(scheduling_db, org_id, calendar_id, TOMORROW + hour * HOUR, now=later(hour))
        for hour in range(4)
    ]
    await release(scheduling_db, org_id, made[1])

    async def pages(org_id: UUID, status: str | None) -> list[UUID]:
        found: list[UUID] = []
        after: dict[str, Any] = {}
        while rows := await scheduling_db.rows(
            "list_holds", p_org_id=org_id, p_status=status, p_limit=2, **after
        ):
            found += [UUID(row["hold"]["hold_id"]) for row in rows]
            after = {"p_after_at": rows[-1]["created_at"], "p_after_id": found[-1]}
        return found

    assert await pages(org_id, None) == made
    assert await pages(org_id, "live") == [made[0], *made[2:]]
    assert await pages(org_id, "released") == [made[1]]
    assert await pages(uuid4(), None) == []
