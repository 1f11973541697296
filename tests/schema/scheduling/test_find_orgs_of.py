"""find_orgs_of: which org has an id."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, hold
from tests.schema.scheduling.builders import NOW, a_calendar

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


@pytest.mark.parametrize("of", ["appointment", "hold", "contact"])
async def test_the_org_of_an_id_is_found(scheduling_db: Database, of: str) -> None:
    org_id, contact_id = uuid4(), uuid4()
    await a_calendar(scheduling_db, uuid4())
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW, p_contact_id=contact_id)
    hold_id = await hold(scheduling_db, org_id, calendar_id, TOMORROW + HOUR)
    ids = {"appointment": booked["appointment_id"], "hold": hold_id, "contact": contact_id}

    async def orgs(kind: str, value: object) -> list[UUID]:
        rows = await scheduling_db.rows("find_orgs_of", p_kind=kind, p_value=str(value))
        return [row["org_id"] for row in rows]

    assert await orgs("external_id", ids[of]) == [org_id]
    assert await orgs("lead_id", ids[of]) == []
    for unknown in (uuid4(), "wamid.1"):
        assert await orgs("external_id", unknown) == []
