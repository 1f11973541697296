"""add_exception: a repeat adds no second one."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from services.chassis.ids import new_id
from tests.schema.scheduling.bookings import outcome_of
from tests.schema.scheduling.builders import NOW, a_calendar, request, trace

TOMORROW = NOW + timedelta(days=1)


async def test_a_repeat_returns_the_first_exception(scheduling_db: Database) -> None:
    org_id, repeated = uuid4(), request()
    calendar_id = await a_calendar(scheduling_db, org_id)

    async def add(calendar_id: UUID) -> Any:
        return await scheduling_db.value(
            "add_exception", p_org_id=org_id, p_calendar_id=calendar_id, p_exception_id=new_id(),
            p_day=TOMORROW.date(), p_kind="closed", p_start_minute=0, p_end_minute=60,
            **repeated, p_traceparent=trace(), p_now=NOW,
        )  # fmt: skip

    first = await add(calendar_id)
    assert await add(calendar_id) == first
    repeated = request()
    assert await outcome_of(add(uuid4())) == "CALENDAR_NOT_FOUND"
