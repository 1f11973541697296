"""list_waitlist: pages in order of arrival, of one status or all."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    join,
    leave,
)
from tests.schema.scheduling.builders import NOW, a_calendar, later

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_pages_put_together_are_the_entries_of_a_status(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id, hours=[])
    made = [
        await join(scheduling_db, org_id, calendar_id, TOMORROW, TOMORROW + HOUR, now=later(minute))
        for minute in range(4)
    ]
    await leave(scheduling_db, org_id, made[1])

    async def pages(org_id: UUID, status: str | None) -> list[UUID]:
        found: list[UUID] = []
        after: dict[str, Any] = {}
        while rows := await scheduling_db.rows(
            "list_waitlist", p_org_id=org_id, p_status=status, p_limit=2, **after
        ):
            found += [UUID(row["entry"]["entry_id"]) for row in rows]
            created_at = datetime.fromisoformat(rows[-1]["entry"]["created_at"])
            after = {"p_after_at": created_at, "p_after_id": found[-1]}
        return found

    assert await pages(org_id, None) == made
    assert await pages(org_id, "waiting") == [made[0], *made[2:]]
    assert await pages(org_id, "left") == [made[1]]
    assert await pages(uuid4(), None) == []
