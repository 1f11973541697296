"""Background sessions are claimed by one worker at a time."""

import asyncio

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    ORG,
    MovedClock,
    a_page,
    sessions,
)


async def test_background_sessions_are_claimed_once_and_again_after_a_crash(
    sync_db: Database,
) -> None:
    clock = MovedClock()
    store = sessions(sync_db, clock)
    pages = [await a_page(sync_db, ORG) for _ in range(3)]
    for page_id in pages:
        await store.schedule_sync(
            ORG,
            page_id=page_id,
            session_id=new_id(),
            mode="full",
            traceparent=new_root().traceparent,
        )
    claims = await asyncio.gather(
        *(store.claim_sync_session(new_id(), new_root().trace_id) for _ in range(10))
    )
    assert sorted(run.page_id for run in claims if run) == sorted(pages)
    assert await store.claim_sync_session(new_id(), new_root().trace_id) is None
    clock.forward(LEASE_SECONDS)
    again = await store.claim_sync_session(new_id(), new_root().trace_id)
    assert again is not None
    assert again.number == 2
