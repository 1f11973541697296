"""find_trace_orgs: every org with rows of a trace."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
)
from tests.schema.scheduling.builders import NOW, a_calendar, trace

TOMORROW = NOW + timedelta(days=1)


async def test_the_orgs_of_a_trace_are_found_by_any_of_its_rows(scheduling_db: Database) -> None:
    shared, orgs = trace(), [uuid4(), uuid4()]
    for org_id in orgs:
        calendar_id = await a_calendar(scheduling_db, org_id)
        await book(scheduling_db, org_id, calendar_id, TOMORROW, p_traceparent=shared)
    rows = await scheduling_db.rows("find_trace_orgs", p_trace_id=shared.split("-")[1])
    assert {row["org_id"] for row in rows} == set(orgs)
    assert await scheduling_db.rows("find_trace_orgs", p_trace_id="0" * 32) == []
