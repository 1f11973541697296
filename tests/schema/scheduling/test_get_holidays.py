"""get_holidays: the days of a set by date."""

from datetime import date
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import holidays


async def test_days_come_by_date_and_from_no_other_org(scheduling_db: Database) -> None:
    org_id, days = uuid4(), [date(2027, 12, 26), date(2027, 12, 25)]
    await holidays(scheduling_db, org_id, "DE", *days)

    async def get(org_id: UUID, holiday_set: str) -> list[date]:
        rows = await scheduling_db.rows("get_holidays", p_org_id=org_id, p_holiday_set=holiday_set)
        return [row["day"] for row in rows]

    assert await get(org_id, "DE") == sorted(days)
    assert await get(org_id, "FR") == []
    assert await get(uuid4(), "DE") == []
