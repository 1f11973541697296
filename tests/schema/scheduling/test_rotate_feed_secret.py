"""rotate_feed_secret: the address before it stops working."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.bookings import outcome_of
from tests.schema.scheduling.builders import NOW, a_calendar, trace


async def test_the_former_secret_stops_working(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)

    async def rotate(calendar_id: UUID) -> None:
        await scheduling_db.value(
            "rotate_feed_secret", p_org_id=org_id, p_calendar_id=calendar_id,
            p_feed_secret_hash=b"new", p_traceparent=trace(), p_now=NOW,
        )  # fmt: skip

    await rotate(calendar_id)
    found = [
        await scheduling_db.row(
            "get_feed", p_org_id=org_id, p_calendar_id=calendar_id, p_feed_secret_hash=secret_hash
        )
        for secret_hash in (b"hash", b"new")
    ]
    assert [row is None for row in found] == [True, False]
    assert await outcome_of(rotate(uuid4())) == "CALENDAR_NOT_FOUND"
