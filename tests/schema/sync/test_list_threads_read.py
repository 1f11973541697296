"""Threads of the list that were read before."""

from services.chassis.database import Database
from services.sync.position import Position
from services.sync.records.pulls import PulledBatch, ThreadRead
from tests.schema.sync.builders import (
    NOW,
    ORG,
    MovedClock,
    a_page,
    later,
    sessions,
    start,
)


async def test_a_thread_is_pending_until_its_messages_were_read_at_that_time(
    sync_db: Database,
) -> None:
    store = sessions(sync_db, MovedClock())
    run, version = await start(store, await a_page(sync_db, ORG)), 0

    async def read(seconds: float, *, pending: bool) -> tuple[float, bool]:
        nonlocal version
        thread = ThreadRead(thread_id="t", updated_at=later(seconds), has_pending_messages=pending)
        batch = PulledBatch(threads=(thread,))
        saved = await store.save_sync_page(run, version or run.version, Position(), batch)
        version = saved.version
        found = await store.list_threads_read(run, ["t", "other"])
        assert set(found) == {"t"}
        return (found["t"].updated_at - NOW).total_seconds(), found["t"].has_pending_messages

    assert await read(1, pending=True) == (1, True)
    assert await read(1, pending=False) == (1, False)
    assert await read(1, pending=True) == (1, False)
    assert await read(0, pending=True) == (1, False)
    assert await read(2, pending=True) == (2, True)
