"""The lease on a page: one holder at a time, and nothing is written by one that lost it."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.position import Position
from services.sync.records.pulls import PulledBatch, RunEnd, SyncRun
from services.sync.store.locks import LockStore
from services.sync.store.sessions import SessionStore
from tests.schema.sync.builders import (
    LEASE_SECONDS,
    Admin,
    MovedClock,
    a_conversation,
    a_message,
    a_page,
    acquire,
    later,
)

ORG = UUID("11111111-1111-7111-8111-111111111111")


def sessions(database: Database, clock: MovedClock, worker: str = "tester") -> SessionStore:
    return SessionStore(database, worker, lease_seconds=LEASE_SECONDS, clock=clock)


async def start(
    store: SessionStore, page_id: UUID, *, resume: UUID | None = None, org_id: UUID = ORG
) -> SyncRun:
    return await store.start_sync(
        org_id,
        page_id=page_id,
        facebook_page_id=None,
        resume_session=resume,
        session_id=new_id(),
        token=new_id(),
        traceparent=new_root().traceparent,
    )


async def test_of_a_thousand_who_ask_at_once_one_holds_the_lease(sync_db: Database) -> None:
    page_id = await a_page(sync_db, ORG)
    locks = await asyncio.gather(
        *(acquire(sync_db, ORG, page_id, token=uuid4()) for _ in range(1000))
    )
    assert sum(lock.acquired for lock in locks) == 1
    assert len({lock.locked_by for lock in locks}) == 1


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


async def test_leases_that_ended_are_cleaned_up_and_their_runs_marked(
    sync_db: Database, admin: Admin
) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    await start(sessions(sync_db, clock), page_id)
    locks = LockStore(sync_db, clock)
    trace = new_root().traceparent
    assert await locks.cleanup_expired_locks(limit=10, every_seconds=60, traceparent=trace) == 0
    clock.forward(60)
    assert await locks.cleanup_expired_locks(limit=10, every_seconds=60, traceparent=trace) == 1
    # Another process in the same minute does nothing.
    assert await locks.cleanup_expired_locks(limit=10, every_seconds=60, traceparent=trace) is None
    assert await admin.fetchval("select outcome from sync.sync_runs") == "interrupted"
    assert await admin.fetchval("select count(*) from sync.sync_locks") == 0


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


async def test_a_run_ends_only_where_its_session_still_stands(sync_db: Database) -> None:
    page_id, clock = await a_page(sync_db, ORG), MovedClock()
    store = sessions(sync_db, clock)
    run = await start(store, page_id)
    await store.save_sync_page(run, run.version, Position(), PulledBatch())
    end = RunEnd(status="completed", outcome="finished")
    with pytest.raises(DomainError, match="SYNC_LEASE_LOST"):
        await store.end_sync_run(run, run.version, end)
    await store.end_sync_run(run, run.version + 1, end)


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
