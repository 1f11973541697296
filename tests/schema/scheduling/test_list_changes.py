"""list_changes: the audit trail, by page and without personal data."""

from datetime import timedelta
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import book, cancel, move
from tests.schema.scheduling.builders import NOW, Admin, a_calendar

HOUR = timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)


async def test_the_audit_trail_holds_no_personal_data(
    scheduling_db: Database, admin: Admin
) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)
    booked = await book(
        scheduling_db, org_id, calendar_id, TOMORROW, p_notes="knee surgery",
        p_metadata={"phone": "+491511234567"},
    )  # fmt: skip
    await move(scheduling_db, org_id, booked["appointment_id"], TOMORROW + HOUR)
    await cancel(scheduling_db, org_id, booked["appointment_id"])
    for table in ("audit_logs", "outbox"):
        rows = await admin.fetch(f"select row_to_json(t)::text as text from scheduling.{table} t")
        text = "".join(row["text"] for row in rows)
        assert len(rows) >= 3
        assert "knee" not in text
        assert "4915" not in text
