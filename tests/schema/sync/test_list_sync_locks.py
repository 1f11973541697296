"""The leases that have not ended."""

from services.chassis.database import Database
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    ORG,
    MovedClock,
    a_page,
    later,
    sessions,
    start,
)


async def test_a_lease_is_listed_until_it_ends(sync_db: Database) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    run = await start(sessions(sync_db, clock, "w"), page_id)
    (lock,) = await sync_db.rows("list_sync_locks", p_org_id=ORG, p_limit=9, p_now=later(59))
    assert (lock["page_id"], lock["session_id"]) == (page_id, run.session_id)
    assert (lock["locked_by"], lock["expires_at"]) == ("w", later(LEASE_SECONDS))
    ended = later(LEASE_SECONDS)
    assert await sync_db.rows("list_sync_locks", p_org_id=ORG, p_limit=9, p_now=ended) == []
