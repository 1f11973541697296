"""get_feed: only for the current secret of a calendar in use."""

from uuid import UUID, uuid4

from services.chassis.database import Database
from tests.schema.scheduling.builders import a_calendar, update_calendar


async def test_a_feed_is_found_by_its_current_secret_only(scheduling_db: Database) -> None:
    org_id = uuid4()
    calendar_id = await a_calendar(scheduling_db, org_id)

    async def is_found(secret_hash: bytes, org_id: UUID = org_id) -> bool:
        row = await scheduling_db.row(
            "get_feed", p_org_id=org_id, p_calendar_id=calendar_id, p_feed_secret_hash=secret_hash
        )
        return row is not None

    assert await is_found(b"hash")
    assert not await is_found(b"other")
    assert not await is_found(b"hash", uuid4())
    await update_calendar(scheduling_db, org_id, calendar_id, status="archived")
    assert not await is_found(b"hash")
