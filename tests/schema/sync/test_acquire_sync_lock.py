"""The lease on a page: one holder at a time."""

import asyncio
from uuid import uuid4

from services.chassis.database import Database
from tests.schema.sync.builders import (
    ORG,
    a_page,
    acquire,
)


async def test_of_a_thousand_who_ask_at_once_one_holds_the_lease(sync_db: Database) -> None:
    page_id = await a_page(sync_db, ORG)
    locks = await asyncio.gather(
        *(acquire(sync_db, ORG, page_id, token=uuid4()) for _ in range(1000))
    )
    assert sum(lock.acquired for lock in locks) == 1
    assert len({lock.locked_by for lock in locks}) == 1
