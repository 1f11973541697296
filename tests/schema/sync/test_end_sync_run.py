"""A run ends once, where its session still stands."""

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.sync.position import Position
from services.sync.records.pulls import PulledBatch, RunEnd
from tests.schema.sync.builders import ORG, MovedClock, a_page, sessions, start


async def test_a_run_ends_only_where_its_session_still_stands(sync_db: Database) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    store = sessions(sync_db, clock)
    run = await start(store, page_id)
    await store.save_sync_page(run, run.version, Position(), PulledBatch())
    end = RunEnd(status="completed", outcome="finished")
    with pytest.raises(DomainError, match="SYNC_LEASE_LOST"):
        await store.end_sync_run(run, run.version, end)
    await store.end_sync_run(run, run.version + 1, end)
