"""list_calendars: pages, oldest first."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import a_calendar, update_calendar


async def test_pages_put_together_are_the_whole_list(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    made = [calendar_id, *[await a_calendar(scheduling_db, org_id) for _ in range(2)]]

    async def pages(org_id: UUID, **more: Any) -> list[str]:
        found: list[str] = []
        after: dict[str, Any] = {}
        while rows := await scheduling_db.rows(
            "list_calendars", p_org_id=org_id, p_limit=2, **more, **after
        ):
            found += [row["calendar"]["calendar_id"] for row in rows]
            after = {"p_after": UUID(found[-1])}
        return found

    assert await pages(org_id) == [str(each) for each in made]
    await update_calendar(scheduling_db, org_id, calendar_id, status="archived")
    assert await pages(org_id) == [str(each) for each in made[1:]]
    assert await pages(uuid4()) == []
