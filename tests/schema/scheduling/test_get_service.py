"""get_service: its own org's row, or none."""

from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import a_calendar, a_service


async def test_it_returns_a_row_of_its_own_org_only(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    key = await a_service(scheduling_db, org_id, [calendar_id])

    async def get(org_id: UUID, key: UUID) -> Any:
        return await scheduling_db.row("get_service", p_org_id=org_id, p_service_id=key)

    row = await get(org_id, key)
    assert row is not None
    assert row["service"]["service_id"] == str(key)
    assert await get(uuid4(), key) is None
    assert await get(org_id, uuid4()) is None
