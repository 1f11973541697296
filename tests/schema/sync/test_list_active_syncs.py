"""Sessions that have not ended."""

from services.chassis.database import Database
from services.sync.records.pulls import RunEnd
from tests.schema.sync.builders import (
    ORG,
    MovedClock,
    a_page,
    sessions,
    start,
)


async def test_a_session_is_active_until_it_ends(sync_db: Database) -> None:
    store = sessions(sync_db, MovedClock())
    runs = [await start(store, await a_page(sync_db, ORG)) for _ in range(2)]
    active = await store.list_active_syncs(ORG, 9)
    assert {each.session_id for each in active} == {run.session_id for run in runs}
    end = RunEnd(status="completed", outcome="finished")
    await store.end_sync_run(runs[0], runs[0].version, end)
    active = await store.list_active_syncs(ORG, 9)
    assert [each.session_id for each in active] == [runs[1].session_id]
