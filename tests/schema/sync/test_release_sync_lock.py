"""A lease is released by its holder only."""

from uuid import uuid4

from services.chassis.database import Database
from services.sync.store.locks import LockStore
from tests.schema.sync.builders import ORG, MovedClock, a_page, acquire, later


async def test_the_lease_is_free_again_when_it_ended_or_was_given_back(sync_db: Database) -> None:
    page_id, first, second, third = await a_page(sync_db, ORG), uuid4(), uuid4(), uuid4()
    assert (await acquire(sync_db, ORG, page_id, token=first)).acquired
    assert not (await acquire(sync_db, ORG, page_id, token=second, now=later(59))).acquired
    assert (await acquire(sync_db, ORG, page_id, token=second, now=later(60))).acquired
    locks = LockStore(sync_db, MovedClock(later(61)))
    assert not await locks.release_sync_lock(ORG, page_id, first)
    assert not (await acquire(sync_db, ORG, page_id, token=third, now=later(61))).acquired
    assert await locks.release_sync_lock(ORG, page_id, second)
    assert (await acquire(sync_db, ORG, page_id, token=third, now=later(61))).acquired
