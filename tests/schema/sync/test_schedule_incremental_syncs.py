"""When the next incremental session of a page is made."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.records.pulls import RunEnd, SyncRun
from services.sync.store.sessions import SessionStore
from tests.schema.sync.builders import NOW, Admin, MovedClock, a_page

EVERY_SECONDS = 900.0
ORG = UUID(int=7)


@pytest.fixture
def clock() -> MovedClock:
    """The clock that the scheduler and the sessions go by."""
    return MovedClock()


@pytest.fixture
def store(sync_db: Database, clock: MovedClock) -> SessionStore:
    """A worker's sessions."""
    return SessionStore(sync_db, "tester", clock=clock)


async def schedule(store: SessionStore, clock: MovedClock, *, limit: int = 10) -> int | None:
    """One tick; each has a second of its own."""
    clock.forward(1)
    return await store.schedule_incremental_syncs(
        session_every_seconds=EVERY_SECONDS,
        limit=limit,
        every_seconds=1,
        traceparent=new_root().traceparent,
    )


async def a_synced_page(sync_db: Database, admin: Admin, **changes: Any) -> UUID:
    """A page that was pulled to the end before NOW."""
    page_id = await a_page(sync_db, ORG)
    columns = {
        "token_status": "good",
        "watermark_at": NOW,
        "last_synced_at": NOW,
        **changes,
    }
    for column, value in columns.items():
        await admin.execute(
            f"update sync.pages set {column} = $1 where page_id = $2", value, page_id
        )
    return page_id


async def claimed(store: SessionStore) -> SyncRun:
    run = await store.claim_sync_session(new_id(), new_root().trace_id)
    assert run is not None
    return run


async def test_a_page_is_due_when_its_last_session_is_old_enough(
    sync_db: Database, admin: Admin, store: SessionStore, clock: MovedClock
) -> None:
    page_id = await a_synced_page(sync_db, admin)
    clock.forward(EVERY_SECONDS - 2)
    assert await schedule(store, clock) == 0
    assert await schedule(store, clock) == 1
    assert await schedule(store, clock) == 0, "one is under way"
    run = await claimed(store)
    assert (run.page_id, run.mode, run.watermark_at) == (page_id, "incremental", NOW)
    row = await admin.fetchrow("select trace_id, traceparent from sync.sync_state")
    assert row is not None
    assert row["trace_id"] == row["traceparent"][3:35]


@pytest.mark.parametrize("status", ["failed", "completed"])
async def test_the_next_one_waits_its_time_however_the_last_one_ended(
    sync_db: Database, admin: Admin, store: SessionStore, clock: MovedClock, status: str
) -> None:
    await a_synced_page(sync_db, admin)
    clock.forward(EVERY_SECONDS)
    assert await schedule(store, clock) == 1
    run = await claimed(store)
    await store.end_sync_run(run, run.version, RunEnd(status=status, outcome="time"))
    for _ in range(3):
        assert await schedule(store, clock) == 0
    clock.forward(EVERY_SECONDS)
    assert await schedule(store, clock) == 1


@pytest.mark.parametrize(
    "changes",
    [{"token_status": "unknown"}, {"token_status": "dead"}, {"watermark_at": None}],
    ids=["untried", "dead", "never pulled to the end"],
)
async def test_a_page_without_a_good_token_or_a_first_pull_is_left_alone(
    sync_db: Database,
    admin: Admin,
    store: SessionStore,
    clock: MovedClock,
    changes: dict[str, Any],
) -> None:
    await a_synced_page(sync_db, admin, **changes)
    clock.forward(10 * EVERY_SECONDS)
    assert await schedule(store, clock) == 0


async def test_a_tick_makes_so_many_the_longest_due_first_and_each_has_its_trace(
    sync_db: Database, admin: Admin, store: SessionStore, clock: MovedClock
) -> None:
    pages = [await a_synced_page(sync_db, admin) for _ in range(3)]
    for hours, page_id in enumerate(pages):
        await admin.execute(
            "update sync.pages set last_synced_at = last_synced_at - make_interval(hours => $1)"
            " where page_id = $2",
            hours,
            page_id,
        )
    clock.forward(EVERY_SECONDS)
    assert await schedule(store, clock, limit=2) == 2
    made = await admin.fetch("select page_id, trace_id from sync.sync_state")
    assert {row["page_id"] for row in made} == set(pages[1:])
    assert len({row["trace_id"] for row in made}) == 2
    assert await schedule(store, clock, limit=2) == 1


async def test_of_two_processes_one_runs_a_tick(
    sync_db: Database, admin: Admin, store: SessionStore, clock: MovedClock
) -> None:
    await a_synced_page(sync_db, admin)
    clock.forward(EVERY_SECONDS)
    assert await schedule(store, clock) == 1
    clock.forward(-1)
    assert await schedule(store, clock) is None


async def test_a_session_that_waits_for_its_caller_keeps_the_scheduler_away(
    sync_db: Database, admin: Admin, store: SessionStore, clock: MovedClock
) -> None:
    page_id = await a_synced_page(sync_db, admin)
    clock.forward(EVERY_SECONDS)
    run = await store.start_sync(
        ORG,
        page_id=page_id,
        facebook_page_id=None,
        resume_session=None,
        session_id=uuid4(),
        token=new_id(),
        traceparent=new_root().traceparent,
    )
    assert await schedule(store, clock) == 0
    await store.end_sync_run(run, run.version, RunEnd(status="paused", outcome="time"))
    assert await schedule(store, clock) == 0
