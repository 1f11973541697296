"""get_calendar: its own org's row, or none."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import a_calendar, update_calendar


async def test_it_returns_a_row_of_its_own_org_only(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    key = calendar_id

    async def get(org_id: UUID, key: UUID) -> Any:
        return await scheduling_db.row("get_calendar", p_org_id=org_id, p_calendar_id=key)

    row = await get(org_id, key)
    assert row is not None
    assert row["calendar"]["calendar_id"] == str(key)
    await update_calendar(scheduling_db, org_id, key, status="archived")
    archived = await get(org_id, key)
    assert archived["calendar"]["status"] == "archived"
    assert await get(uuid4(), key) is None
    assert await get(org_id, uuid4()) is None
