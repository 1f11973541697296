"""A checkpoint is written once, under the lease only."""

import asyncio

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.sync.position import Position
from services.sync.records.pulls import PulledBatch, RunEnd
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    ORG,
    Admin,
    MovedClock,
    a_conversation,
    a_message,
    a_page,
    sessions,
    start,
)


@pytest.mark.parametrize("taken_over", [False, True], ids=["ended", "taken over"])
async def test_a_holder_that_stalled_past_its_lease_writes_nothing_afterwards(
    sync_db: Database, admin: Admin, taken_over: bool
) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    store = sessions(sync_db, clock)
    stalled = await start(store, page_id)
    clock.forward(LEASE_SECONDS)
    if taken_over:
        await start(sessions(sync_db, clock, "other"), page_id, resume=stalled.session_id)
    before = await admin.fetch("table sync.sync_state")
    rows = PulledBatch(conversations=(a_conversation([a_message()]),))
    with pytest.raises(DomainError, match="SYNC_LEASE_LOST"):
        await store.save_sync_page(stalled, stalled.version, Position(), rows)
    with pytest.raises(DomainError, match="SYNC_LEASE_LOST"):
        await store.end_sync_run(
            stalled, stalled.version, RunEnd(status="completed", outcome="finished")
        )
    assert await admin.fetch("table sync.sync_state") == before
    for table in ("messenger_conversations", "contact_interaction_events", "sync_ledger"):
        assert await admin.fetchval(f"select count(*) from sync.{table}") == 0


async def test_a_checkpoint_is_written_once_by_its_version(sync_db: Database, admin: Admin) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    store = sessions(sync_db, clock)
    run = await start(store, page_id)
    rows = PulledBatch(conversations=(a_conversation([a_message()]),))
    saves = await asyncio.gather(
        *(store.save_sync_page(run, run.version, Position(), rows) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(not isinstance(save, BaseException) for save in saves) == 1
    assert await admin.fetchval("select messages_seen from sync.sync_state") == 1
