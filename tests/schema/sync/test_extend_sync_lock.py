"""A lease is lengthened by its holder only."""

from uuid import uuid4

from services.chassis.database import Database
from services.sync.store.locks import LockStore
from tests.schema.sync.builders import LEASE_SECONDS, ORG, MovedClock, a_page, acquire


async def test_only_a_holder_whose_lease_has_not_ended_lengthens_it(sync_db: Database) -> None:
    page_id, token, clock = await a_page(sync_db, ORG), uuid4(), MovedClock()
    locks = LockStore(sync_db, clock)
    await acquire(sync_db, ORG, page_id, token=token)
    clock.forward(59)
    assert not await locks.extend_sync_lock(ORG, page_id, uuid4(), LEASE_SECONDS)
    assert await locks.extend_sync_lock(ORG, page_id, token, LEASE_SECONDS)
    clock.forward(59)
    assert not (await acquire(sync_db, ORG, page_id, token=uuid4(), now=clock.now())).acquired
    clock.forward(1)
    assert not await locks.extend_sync_lock(ORG, page_id, token, LEASE_SECONDS)
