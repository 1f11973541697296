"""Sessions start one at a time, and continue by their id."""

import asyncio
from uuid import uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.records.pulls import RunEnd, SyncRun
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    ORG,
    Admin,
    MovedClock,
    a_page,
    acquire,
    later,
    sessions,
    start,
)


async def test_of_20_starts_at_once_one_runs_and_19_are_told_to_wait(sync_db: Database) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()

    async def try_to_start(number: int) -> SyncRun | DomainError:
        try:
            return await start(sessions(sync_db, clock, f"worker {number}"), page_id)
        except DomainError as error:
            return error

    results = await asyncio.gather(*(try_to_start(number) for number in range(20)))
    (run,) = [each for each in results if isinstance(each, SyncRun)]
    refusals = [each for each in results if isinstance(each, DomainError)]
    assert len(refusals) == 19
    for refusal in refusals:
        assert refusal.reason == "SYNC_IN_PROGRESS"
        assert refusal.message == (
            "Sync already in progress for this page. Please wait for it to complete."
        )
        assert refusal.metadata["session_id"] == str(run.session_id)
        assert refusal.metadata["since"] == later(0).isoformat()
        assert refusal.metadata["expires_at"] == later(LEASE_SECONDS).isoformat()
        assert refusal.metadata["retry_at"] == refusal.metadata["expires_at"]
        assert refusal.metadata["conversations_seen"] == "0"


async def test_what_cannot_be_resumed_is_refused_with_its_reason(sync_db: Database) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    other_page, other_org = await a_page(sync_db, ORG), uuid4()
    store = sessions(sync_db, clock)
    run = await start(store, page_id)
    await store.end_sync_run(run, run.version, RunEnd(status="completed", outcome="finished"))
    for page, resume, org_id, reason in (
        (page_id, uuid4(), ORG, "SYNC_SESSION_NOT_FOUND"),
        (other_page, run.session_id, ORG, "SYNC_SESSION_NOT_FOUND"),
        (page_id, run.session_id, ORG, "SYNC_SESSION_FINISHED"),
        (page_id, run.session_id, other_org, "PAGE_NOT_FOUND"),
    ):
        with pytest.raises(DomainError, match=reason):
            await start(store, page, resume=resume, org_id=org_id)
    # A refusal leaves no lease behind.
    assert (await acquire(sync_db, ORG, page_id, token=uuid4())).acquired


async def test_a_new_start_supersedes_the_session_that_waits(sync_db: Database) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    store = sessions(sync_db, clock)
    first = await start(store, page_id)
    await store.end_sync_run(first, first.version, RunEnd(status="paused", outcome="time"))
    second = await start(store, page_id)
    await store.end_sync_run(second, second.version, RunEnd(status="paused", outcome="time"))
    with pytest.raises(DomainError, match="SYNC_SESSION_FINISHED") as refused:
        await start(store, page_id, resume=first.session_id)
    assert refused.value.metadata["status"] == "superseded"
    assert (await start(store, page_id, resume=second.session_id)).number == 2


async def test_a_start_is_refused_while_a_session_goes_on_by_itself_and_between_its_runs(
    sync_db: Database, admin: Admin
) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    store = sessions(sync_db, clock)
    session_id = new_id()
    await store.schedule_sync(
        ORG,
        page_id=page_id,
        session_id=session_id,
        mode="full",
        traceparent=new_root().traceparent,
    )
    with pytest.raises(DomainError, match="SYNC_IN_PROGRESS") as waiting:
        await start(store, page_id)
    assert waiting.value.metadata["session_id"] == str(session_id)
    assert "expires_at" not in waiting.value.metadata, "nobody holds a lease"
    run = await store.claim_sync_session(new_id(), new_root().trace_id)
    assert run is not None
    with pytest.raises(DomainError, match="SYNC_IN_PROGRESS"):
        await start(store, page_id)
    await store.end_sync_run(run, run.version, RunEnd(status="paused", outcome="time"))
    with pytest.raises(DomainError, match="SYNC_IN_PROGRESS"):
        await start(store, page_id)
    assert await admin.fetchval("select status from sync.sync_state") == "paused"
    # A refusal leaves no lease behind, and whoever knows the session goes on with it.
    assert (await start(store, page_id, resume=session_id)).number == 2
