"""list_imports: pages, oldest first."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    outcome_of,
)
from tests.schema.scheduling.builders import NOW, a_calendar, an_import, trace

TOMORROW = NOW + timedelta(days=1)


async def test_pages_put_together_are_the_whole_list(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    made = [await an_import(scheduling_db, org_id, calendar_id, TOMORROW) for _ in range(3)]

    async def pages(org_id: UUID, **more: Any) -> list[str]:
        found: list[str] = []
        after: dict[str, Any] = {}
        while rows := await scheduling_db.rows(
            "list_imports", p_org_id=org_id, p_limit=2, p_calendar_id=calendar_id, **more, **after
        ):
            found += [row["import"]["import_id"] for row in rows]
            after = {"p_after": UUID(found[-1])}
        return found

    assert await pages(org_id) == [str(each) for each in made]
    await scheduling_db.value(
        "remove_import", p_org_id=org_id, p_import_id=made[0], p_traceparent=trace()
    )
    assert await pages(org_id) == [str(each) for each in made[1:]]
    assert await outcome_of(pages(uuid4())) == "CALENDAR_NOT_FOUND"
