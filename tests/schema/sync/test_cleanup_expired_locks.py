"""Ended leases are deleted."""

from services.chassis.database import Database
from services.chassis.trace import new_root
from services.sync.store.locks import LockStore
from tests.schema.sync.builders import ORG, Admin, MovedClock, a_page, sessions, start


async def test_leases_that_ended_are_cleaned_up_and_their_runs_marked(
    sync_db: Database, admin: Admin
) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    await start(sessions(sync_db, clock), page_id)
    locks = LockStore(sync_db, clock)
    trace = new_root().traceparent
    assert await locks.cleanup_expired_locks(limit=10, every_seconds=60, traceparent=trace) == 0
    clock.forward(60)
    assert await locks.cleanup_expired_locks(limit=10, every_seconds=60, traceparent=trace) == 1
    # Another process in the same minute does nothing.
    assert await locks.cleanup_expired_locks(limit=10, every_seconds=60, traceparent=trace) is None
    assert await admin.fetchval("select outcome from sync.sync_runs") == "interrupted"
    assert await admin.fetchval("select count(*) from sync.sync_locks") == 0
