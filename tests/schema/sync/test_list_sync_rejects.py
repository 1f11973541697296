"""What could not be read, newest first."""

from services.chassis.database import Database
from services.sync.position import Position
from services.sync.records.events import Reject
from services.sync.records.pulls import PulledBatch
from tests.schema.sync.builders import (
    ORG,
    MovedClock,
    a_page,
    sessions,
    start,
)


async def test_rejects_are_listed_newest_first_from_a_place_on(sync_db: Database) -> None:
    clock = MovedClock()
    store = sessions(sync_db, clock)
    run = await start(store, await a_page(sync_db, ORG))
    for number in range(3):
        clock.forward(1)
        reject = Reject(kind="message", reason=f"r{number}", raw={"n": number})
        batch = PulledBatch(rejects=(reject, reject))
        await store.save_sync_page(run, run.version + number, Position(), batch)
    listed = await store.list_sync_rejects(ORG, 2, None)
    assert [each.reason for each in listed] == ["r2", "r1"]
    last = (listed[-1].created_at, listed[-1].reject_id)
    assert [each.raw for each in await store.list_sync_rejects(ORG, 2, last)] == ['{"n": 0}']
