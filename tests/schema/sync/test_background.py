"""Background sessions run to their end by themselves, whatever one of them meets."""

import asyncio
from typing import Any

import pytest

from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.chassis.ids import new_id
from services.chassis.loops import Stopping
from services.chassis.trace import new_root
from services.sync.background import Background
from services.sync.backoff import DELAYS_SECONDS
from services.sync.records.pulls import PullBudget
from tests.rpc.chassis.recording import recording
from tests.schema.sync.builders import Admin
from tests.schema.sync.pulling import World, a_world, holding_books

FEW = PullBudget(seconds=99, calls=2, new_rows=10**6)
LATE = 10**6
RUN_SPAN = "pull conversations"


async def a_session(world: World, mode: str = "full") -> None:
    await world.sessions().schedule_sync(
        world.org_id,
        page_id=world.page_id,
        session_id=new_id(),
        mode=mode,
        traceparent=new_root().traceparent,
    )


def background(world: World, lanes: int = 1) -> Background:
    return Background(world.sessions(), world.puller(), FEW, concurrent_max=lanes)


async def states(admin: Admin) -> list[tuple[str, str]]:
    rows = await admin.fetch("select mode, status from sync.sync_state order by started_at")
    return [(row["mode"], row["status"]) for row in rows]


async def test_a_session_goes_on_by_itself_until_it_is_done(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=45)) as world:
        working = background(world)
        assert await working.step() == 0
        await a_session(world)
        runs = 0
        while await working.step():
            runs += 1
        assert runs > 2
        assert await states(admin) == [("full", "completed")]
        assert await world.stored(admin) == world.shown()
        outcomes = await admin.fetch("select outcome, attempt_trace_id from sync.sync_runs")
        assert {row["outcome"] for row in outcomes} == {"calls", "finished"}
        assert len({row["attempt_trace_id"] for row in outcomes}) == runs
    await holding_books(admin)


async def test_the_loop_works_on_several_pages_at_once_and_ends_when_it_is_asked_to(
    sync_db: Database, admin: Admin
) -> None:
    order = PageOrder(conversations=25, messages_min=1, messages_max=1)
    async with a_world(sync_db, order) as one, a_world(sync_db, order) as two:
        stopping, all_done, looking = Stopping(), asyncio.Event(), asyncio.Lock()

        class Watched(Background):
            async def step(self) -> int:
                handled = await super().step()
                async with looking:
                    statuses = {status for _, status in await states(admin)}
                if statuses == {"completed"}:
                    all_done.set()
                elif "running" not in statuses:
                    # The lanes move one clock: what one waits brings the other's next call too
                    # near, which the platform refuses. Nothing but this ends the page's pause.
                    two.clock.forward(300)
                return handled

        # Both pages are at the second one's emulator; the first one's is never asked.
        two.platform.conversations.pages[one.facebook_page_id] = one.page
        await a_session(one)
        await a_session(two)
        two.lease_seconds = LATE
        working = Watched(two.sessions(), two.puller(), FEW, concurrent_max=2)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(working.run(stopping, poll_seconds=0.01))
            await asyncio.wait_for(all_done.wait(), 60)
            stopping.set()
        assert await one.stored(admin) == one.shown()
        assert await two.stored(admin) == two.shown()


async def test_the_live_span_of_a_run_is_in_the_trace_that_its_row_names(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=15)) as world:
        await a_session(world)
        with recording() as said:
            while await background(world).step():
                pass
    spans = [each for each in said.exporter.get_finished_spans() if each.name == RUN_SPAN]
    traced = await admin.fetch("select attempt_trace_id from sync.sync_runs")
    assert {f"{each.context.trace_id:032x}" for each in spans} == {row[0] for row in traced}


async def test_an_incremental_session_is_made_when_it_is_due_and_reads_what_is_new(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=15)) as world:

        async def made(seconds: float) -> int | None:
            world.clock.forward(seconds)
            return await world.sessions().schedule_incremental_syncs(
                session_every_seconds=900,
                limit=10,
                every_seconds=60,
                traceparent=new_root().traceparent,
            )

        await a_session(world)
        working = background(world)
        while await working.step():
            pass
        assert await made(60) == 0
        assert await made(840) == 1
        # Not twice in one tick, and not beside the one that runs.
        assert await made(0) is None
        assert await made(60) == 0
        thread = world.page.threads[7]
        world.page.add_message(thread.id, at=world.page.threads[0].updated_at + 5)
        while await working.step():
            pass
        assert await states(admin) == [("full", "completed"), ("incremental", "completed")]
        assert await world.stored(admin) == world.shown()


async def test_a_blocked_session_gives_its_lease_back_and_goes_on_when_it_may(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=15)) as world:
        world.behave(error_calls=1, error_code=80006)
        await a_session(world)
        working = background(world)
        assert await working.step() == 1
        assert await admin.fetchval("select count(*) from sync.sync_locks") == 0
        assert await working.step() == 0
        world.clock.forward(300)
        while await working.step():
            pass
        assert await states(admin) == [("full", "completed")]


async def test_what_breaks_one_session_ends_it_alone_after_a_bounded_number_of_runs(
    sync_db: Database, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    async with a_world(sync_db, PageOrder(conversations=4)) as world:
        await a_session(world)
        with monkeypatch.context() as patched:
            patched.setattr("services.sync.pull.parse_list", broken)
            runs = 0
            while await background(world).step():
                runs += 1
                assert runs < 20
                world.clock.forward(LATE)
        assert runs == len(DELAYS_SECONDS) + 1
        assert await states(admin) == [("full", "failed")]
        await a_session(world)
        while await background(world).step():
            pass
        assert await world.stored(admin) == world.shown()


async def test_a_run_whose_lease_another_took_ends_quietly(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=45), Behaviour(limit_max=10)) as world:
        await a_session(world)

        class Stalling(type(world.sessions())):  # type: ignore[misc]
            async def save_sync_page(self, *arguments: Any) -> Any:
                world.clock.forward(61)
                return await super().save_sync_page(*arguments)

        stalling = Stalling(sync_db, "stalled", lease_seconds=60, clock=world.clock)
        working = Background(stalling, world.puller(sessions=stalling), FEW, concurrent_max=1)
        assert await working.step() == 1
        assert await world.stored(admin) == {}
        while await background(world).step():
            pass
        assert await world.stored(admin) == world.shown()
