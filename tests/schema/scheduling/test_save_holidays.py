"""save_holidays: replacements of a set happen one after another."""

import asyncio
from datetime import date, timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import NOW, Admin, holidays


async def test_concurrent_replacements_end_as_one_of_them(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    days = [date(2027, 1, 1) + timedelta(days=each) for each in range(20)]
    await asyncio.gather(*(holidays(scheduling_db, org_id, "DE", *days) for _ in range(16)))
    rows = await scheduling_db.rows("get_holidays", p_org_id=org_id, p_holiday_set="DE")
    assert [row["day"] for row in rows] == days
    await holidays(scheduling_db, org_id, "DE", days[3])
    changes = await admin.fetch(
        "select l.before ->> 'days' as before, l.after ->> 'days' as after, l.occurred_at,"
        " s.trace_id = l.trace_id as is_last from scheduling.audit_logs l"
        " join scheduling.holiday_sets s on s.holiday_set_id = l.subject_id order by l.ordinal"
    )
    assert len(changes) == 17
    assert changes[-1]["after"] == f'["{days[3]}"]'
    assert changes[-1]["before"] == changes[0]["after"]
    assert changes[-1]["is_last"]
    assert changes[-1]["occurred_at"] == NOW
