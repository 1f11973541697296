"""end_holds: only holds that have expired end as expired."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import hold
from tests.schema.scheduling.builders import NOW, Admin, a_calendar

END = "select scheduling.end_holds($1, array[$2::uuid], 'expired', 'system', $3)"


async def test_a_hold_whose_time_is_not_over_does_not_expire(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    held = await hold(scheduling_db, org_id, calendar_id, NOW + timedelta(days=1), seconds=60)
    assert await admin.fetchval(END, org_id, held, NOW + timedelta(seconds=59)) == 0
    assert await admin.fetchval(END, org_id, held, NOW + timedelta(seconds=60)) == 1
