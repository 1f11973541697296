"""One session by its id."""

from uuid import uuid4

from services.chassis.database import Database
from tests.schema.sync.builders import (
    ORG,
    MovedClock,
    a_page,
    sessions,
    start,
)


async def test_a_session_is_found_by_its_org_only(sync_db: Database) -> None:
    page_id, store = await a_page(sync_db, ORG), sessions(sync_db, MovedClock())
    run = await start(store, page_id)
    session = await store.get_sync(ORG, run.session_id)
    assert session is not None
    assert (session.page_id, session.mode, session.status) == (page_id, "manual", "running")
    assert await store.get_sync(uuid4(), run.session_id) is None
