"""list_exceptions: pages by day."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import outcome_of
from tests.schema.scheduling.builders import NOW, a_calendar, add_exception

TOMORROW = NOW + timedelta(days=1)


async def test_exceptions_are_listed_by_page(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    added = [
        await add_exception(scheduling_db, org_id, calendar_id, TOMORROW.date(), "closed", 0, 60)
        for _ in range(3)
    ]
    found: list[str] = []
    after: dict[str, Any] = {}
    while rows := await scheduling_db.rows(
        "list_exceptions", p_org_id=org_id, p_calendar_id=calendar_id, p_limit=2, **after
    ):
        found += [row["exception"]["exception_id"] for row in rows]
        after = {"p_after_day": TOMORROW.date(), "p_after_id": UUID(found[-1])}
    assert found == sorted(str(each) for each in added)
    missing = scheduling_db.rows(
        "list_exceptions", p_org_id=org_id, p_calendar_id=uuid4(), p_limit=2
    )
    assert await outcome_of(missing) == "CALENDAR_NOT_FOUND"
