"""book_totals: only events that sync accepted are counted."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import (
    book,
)
from tests.schema.scheduling.builders import NOW, Admin, a_calendar

TOMORROW = NOW + timedelta(days=1)


async def test_events_count_once_they_are_sent(scheduling_db: Database, admin: Admin) -> None:
    org_id = uuid4()
    await book(scheduling_db, org_id, await a_calendar(scheduling_db, org_id), TOMORROW)

    async def totals() -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in await scheduling_db.rows("book_totals")]

    assert await totals() == [("appointment_events_handed_over", 0)]
    await admin.execute("update scheduling.outbox set status = 'sent'")
    assert await totals() == [("appointment_events_handed_over", 1)]
