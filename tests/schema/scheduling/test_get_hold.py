"""get_hold: its own org's row, or none."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    hold,
    release,
)
from tests.schema.scheduling.builders import NOW, a_calendar

TOMORROW = NOW + timedelta(days=1)


async def test_it_returns_a_row_of_its_own_org_only(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    key = await hold(scheduling_db, org_id, calendar_id, TOMORROW)

    async def get(org_id: UUID, key: UUID) -> Any:
        return await scheduling_db.row("get_hold", p_org_id=org_id, p_hold_id=key)

    row = await get(org_id, key)
    assert row is not None
    assert row["hold"]["hold_id"] == str(key)
    await release(scheduling_db, org_id, key)
    assert (await get(org_id, key))["hold"]["status"] == "released"
    assert await get(uuid4(), key) is None
    assert await get(org_id, uuid4()) is None
