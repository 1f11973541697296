"""Cursors that Meta refuses or answers wrongly: a pull ends, and never certifies a hole."""

import pytest

from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.sync.records.pulls import PullBudget
from tests.schema.sync.builders import Admin
from tests.schema.sync.pulling import a_world, holding_books

MODES = ("skip", "head", "end")


def calls(number: int) -> PullBudget:
    return PullBudget(seconds=999, calls=number, new_rows=10**6)


@pytest.mark.parametrize("mode", MODES)
async def test_a_wrong_answer_within_a_run_certifies_no_hole_whichever_it_is(
    sync_db: Database, admin: Admin, mode: str
) -> None:
    # Five calls of the list, five of its ids: nine of them with a cursor, but for the first two.
    for right in range(8):
        behaviour = Behaviour(
            limit_max=10, stale_cursors=1, stale_after=right, stale_mode=mode, stale_skip=25
        )
        async with a_world(
            sync_db, PageOrder(conversations=50, messages_max=1, messages_min=1), behaviour
        ) as world:
            _, end = await world.pull()
            assert (end.status, end.completeness) == ("completed", "full"), right
            assert end.watermark_at is not None
            assert await world.stored(admin) == world.shown(), right


@pytest.mark.parametrize("mode", [*MODES, "refused"])
async def test_a_wrong_answer_to_any_run_certifies_no_hole(
    sync_db: Database, admin: Admin, mode: str
) -> None:
    order = PageOrder(conversations=60, messages_max=1, messages_min=1)
    for wrong_run in range(1, 5):
        async with a_world(sync_db, order, Behaviour(limit_max=10)) as world:
            run, end = await world.pull(budget=calls(3))
            # The place is lost: from here on it is sought, over several runs.
            world.behave(reject_cursors=1)
            for number in range(1, 40):
                if end.status != "paused":
                    break
                if number == wrong_run and mode == "refused":
                    world.behave(reject_cursors=1)
                elif number == wrong_run:
                    world.behave(stale_cursors=2, stale_mode=mode, stale_skip=30)
                _, end = await world.pull(resume=run.session_id, budget=calls(3))
            assert (end.status, end.completeness) == ("completed", "full"), wrong_run
            assert await world.stored(admin) == world.shown(), wrong_run
    await holding_books(admin)


async def test_runs_of_a_single_call_come_to_the_end(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=45), Behaviour(empty_every=4)) as world:
        _, end = await world.pull_to_the_end(budget=calls(1))
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


async def test_refused_cursors_cost_calls_and_lose_nothing(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=85)) as world:
        run, _ = await world.pull(budget=calls(4))
        world.behave(reject_cursors=2)
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(limit_max=10, reject_cursors=10_000),
        Behaviour(limit_max=10, stale_cursors=10_000, stale_mode="head"),
        Behaviour(limit_max=10, circling=True),
    ],
    ids=["refused", "head", "circling"],
)
async def test_cursors_that_lead_nowhere_end_the_session_as_partial(
    sync_db: Database, admin: Admin, behaviour: Behaviour
) -> None:
    async with a_world(sync_db, PageOrder(conversations=40), behaviour) as world:
        _, end = await world.pull()
        assert (end.status, end.completeness) == ("completed", "partial")
        assert end.watermark_at is None
        assert len(world.page.calls_at) < 60
    assert await admin.fetchval("select watermark_at from sync.pages") is None


async def test_what_moves_while_it_is_proven_is_stored_too(sync_db: Database, admin: Admin) -> None:
    order = PageOrder(conversations=80, messages_max=2, messages_min=1)
    async with a_world(sync_db, order, Behaviour(limit_max=10, moves_per_call=3)) as world:
        _, end = await world.pull_to_the_end(budget=calls(6))
        assert end.completeness == "full"
        assert end.watermark_at is not None
        until = end.watermark_at.timestamp()
        stored, shown = await world.stored(admin), world.shown()
        proven = [each.contact_id for each in world.page.threads if each.updated_at <= until]
        assert proven
        assert not [contact for contact in proven if shown[contact] - stored.get(contact, set())]
        # What moved since is the next session's.
        world.behave(moves_per_call=0)
        end = await world.pull_incrementally()
        assert end.completeness == "to_overlap"
        stored, shown = await world.stored(admin), world.shown()
        assert not [contact for contact, ids in shown.items() if ids - stored[contact]]
    await holding_books(admin)
