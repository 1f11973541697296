"""cancel_series: only appointments that have not begun."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book_series,
    outcome_of,
)
from tests.schema.scheduling.builders import NOW, a_calendar, trace

TOMORROW = NOW + timedelta(days=1)


async def test_past_appointments_of_a_series_stay_and_a_repeat_cancels_none(
    scheduling_db: Database,
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    days = [TOMORROW + timedelta(days=day) for day in range(3)]
    series = await book_series(scheduling_db, org_id, calendar_id, days)

    async def cancel_rest(series_id: UUID) -> Any:
        return await scheduling_db.value(
            "cancel_series", p_org_id=org_id, p_series_id=series_id, p_traceparent=trace(),
            p_now=days[0],
        )  # fmt: skip

    assert [await cancel_rest(UUID(series["series_id"])) for _ in range(2)] == [2, 0]
    assert await outcome_of(cancel_rest(uuid4())) == "SERIES_NOT_FOUND"
