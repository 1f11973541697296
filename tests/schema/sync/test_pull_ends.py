"""How a run ends: cancelled in the middle of a save, cut off by its deadline, on a wrong clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from services.sync.clock import RealClock
from services.sync.graph import Graph, GraphResponse
from services.sync.page_tokens import PageTokens
from services.sync.puller import Puller
from services.sync.records.pulls import CallPace, PullBudget, PullerPolicy
from services.sync.store.pages import PageStore
from services.sync.store.sessions import SessionStore
from tests.schema.sync.builders import RING, Admin
from tests.schema.sync.pulling import AMPLE, World, a_world, holding_books


class Interrupted(SessionStore):
    """Says when a save has begun or was made, and waits there."""

    def __init__(self, world: World, *, before: bool) -> None:
        super().__init__(world.database, "tester", clock=world.clock)
        self._before = before
        self.reached, self.released = asyncio.Event(), asyncio.Event()

    async def save_sync_page(self, *arguments: Any) -> Any:
        if self._before:
            await self._wait()
        saved = await super().save_sync_page(*arguments)
        if not self._before:
            await self._wait()
        return saved

    async def _wait(self) -> None:
        self.reached.set()
        await self.released.wait()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_caller_who_goes_away_during_a_save_leaves_no_lease(
    sync_db: Database, admin: Admin, before: bool
) -> None:
    async with a_world(sync_db, PageOrder(conversations=25)) as world:
        sessions = Interrupted(world, before=before)
        run = await world.start()
        pulling = asyncio.create_task(world.puller(sessions=sessions).run(run, AMPLE))
        await sessions.reached.wait()
        pulling.cancel()
        sessions.released.set()
        with pytest.raises(asyncio.CancelledError):
            await pulling
        assert await admin.fetchval("select count(*) from sync.sync_locks") == 0
        # What was saved is counted, and the session goes on from there.
        state = await admin.fetchrow("select status, calls, version from sync.sync_state")
        assert state is not None
        assert tuple(state) == ("paused", 1, 2)
        outcome = "select outcome from sync.sync_runs"
        assert await admin.fetchval(outcome) == "cancelled"
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()
    await holding_books(admin)


async def test_a_caller_who_goes_away_after_the_lease_was_lost_is_cancelled_all_the_same(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=25)) as world:
        sessions = Interrupted(world, before=False)
        run = await world.start()
        pulling = asyncio.create_task(world.puller(sessions=sessions).run(run, AMPLE))
        await sessions.reached.wait()
        world.clock.forward(61)
        await world.start(run.session_id)
        pulling.cancel()
        sessions.released.set()
        with pytest.raises(asyncio.CancelledError):
            await pulling
    assert await admin.fetchval("select count(*) from sync.sync_locks") == 1


async def test_a_call_that_outlasts_the_deadline_is_given_up_and_the_session_goes_on(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=25)) as world:

        class Silent(Graph):
            async def fetch(self, *_: Any) -> GraphResponse:
                await asyncio.Event().wait()
                raise AssertionError

        silent = Silent(world.http, world.url)
        run = await world.start()
        pages = PageStore(sync_db, world.clock)
        puller = Puller(
            world.sessions(), pages, silent, PageTokens(RING), world.clock, PullerPolicy()
        )
        within = PullBudget(seconds=99, calls=99, new_rows=99, call_deadline_seconds=0.05)
        end = await puller.run(run, within)
        assert (end.status, end.outcome) == ("paused", "time")
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"


async def test_a_turn_that_comes_after_the_budget_is_not_waited_for(sync_db: Database) -> None:
    async with a_world(sync_db, PageOrder(conversations=25)) as world:
        begun = world.clock.now()
        _, end = await world.pull(budget=PullBudget(seconds=0.7, calls=99, new_rows=99_999))
        assert (end.outcome, len(world.page.calls_at)) == ("time", 2)
        assert world.clock.now() - begun < timedelta(seconds=0.7)


class Wrong(RealClock):
    """A process whose clock is an hour off; functions have the database's."""

    def __init__(self, hours: float) -> None:
        self._ahead = timedelta(hours=hours)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_wrong_changes_neither_pace_nor_due_times(
    sync_db: Database, admin: Admin, hours: float
) -> None:
    behaviour = Behaviour(limits_calls=False)
    async with a_world(sync_db, PageOrder(conversations=25), behaviour) as world:
        clock = Wrong(hours)
        sessions = SessionStore(sync_db, "tester", clock=clock)
        await sessions.schedule_sync(
            world.org_id,
            page_id=world.page_id,
            session_id=new_id(),
            mode="full",
            traceparent=new_root().traceparent,
        )
        run = await sessions.claim_sync_session(new_id(), "a" * 32)
        assert run is not None
        graph = Graph(world.http, f"{world.url}/v26.0")
        policy = PullerPolicy(
            list_limit=10, pace=CallPace(interval_seconds=50, wait_seconds_max=999)
        )
        puller = Puller(sessions, PageStore(sync_db, clock), graph, PageTokens(RING), clock, policy)
        world.behave(error_calls=1, error_after=3)
        end = await puller.run(run, PullBudget(seconds=9999, calls=99, new_rows=10**6))
        # Each call a pause later than the one before, as far as this test's own time goes.
        assert len(clock.slept) == 3
        for number, seconds in enumerate(clock.slept, 1):
            assert 50 * number - 30 < seconds <= 50 * number
        assert end.outcome == "error"
        in_two_seconds = "select due_at between now() - interval '30 s' and now() + interval '2 s'"
        assert await admin.fetchval(f"{in_two_seconds} from sync.sync_state")


async def test_whoever_lost_the_lease_hears_so(sync_db: Database) -> None:
    async with a_world(sync_db, PageOrder(conversations=25)) as world:
        run = await world.start()
        world.clock.forward(61)
        await world.start(run.session_id)
        with pytest.raises(DomainError, match="SYNC_LEASE_LOST"):
            await world.puller().run(run, AMPLE)
