"""get_trace and find_traces: what a trace has done, for its own org only."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel, move
from tests.schema.scheduling.builders import NOW, a_calendar, trace

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_a_trace_shows_a_booking_and_its_changes(scheduling_db: Database) -> None:
    org_id, other = uuid4(), uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(scheduling_db, org_id, calendar_id, TOMORROW, p_traceparent=trace())
    await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW + HOUR)
    await cancel(scheduling_db, org_id, booked["appointment_id"])

    async def names(org: UUID) -> list[str]:
        rows = await scheduling_db.rows(
            "get_trace", p_org_ids=[org], p_workspace_id=None, p_trace_id=booked["trace_id"]
        )
        return [row["name"] for row in rows]

    shown = await names(org_id)
    for name in ("booked", "rescheduled", "cancelled"):
        assert f"appointment {name}" in shown
    assert shown.count("claim on a calendar") == 2
    assert await names(other) == []
    found = await scheduling_db.rows(
        "find_traces",
        p_org_ids=[org_id],
        p_workspace_id=None,
        p_kind="external_id",
        p_value=booked["appointment_id"],
        p_limit=5,
    )
    assert [row["trace_id"] for row in found] == [booked["trace_id"]]
