"""find_attempt_traces: the trace of a repeat leads to that of the first request."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
)
from tests.schema.scheduling.builders import NOW, a_calendar, trace

TOMORROW = NOW + timedelta(days=1)


async def test_the_trace_of_a_repeat_leads_to_the_first_one(scheduling_db: Database) -> None:
    org_id, repeat = uuid4(), trace()
    calendar_id = await a_calendar(scheduling_db, org_id)
    more: dict[str, Any] = {"p_request_id": "once", "p_contact_id": uuid4()}
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW, **more)
    await book(scheduling_db, org_id, calendar_id, TOMORROW, **more, p_traceparent=repeat)

    async def found(trace_id: str) -> list[tuple[Any, ...]]:
        rows = await scheduling_db.rows("find_attempt_traces", p_trace_id=trace_id)
        return [tuple(row.values()) for row in rows]

    assert await found(repeat.split("-")[1]) == [(org_id, booked["trace_id"])]
    assert await found(booked["trace_id"]) == []
