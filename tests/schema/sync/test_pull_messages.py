"""MessagesResponse that do not come along with the list: each conversation for itself."""

import pytest

from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.sync.backoff import MESSAGES_FAILURES_MAX
from services.sync.records.pulls import PullBudget, PullerPolicy
from tests.schema.sync.builders import Admin
from tests.schema.sync.pulling import a_world, holding_books

ORDER = PageOrder(conversations=12, messages_min=18, messages_max=18)
CALLS_OF_A_LIST = 2


def calls(number: int) -> PullBudget:
    return PullBudget(seconds=999, calls=number, new_rows=10**6)


async def completeness(admin: Admin) -> dict[str, int]:
    rows = await admin.fetch(
        "select completeness, count(*) as n from sync.messenger_conversations group by 1"
    )
    return {row["completeness"]: row["n"] for row in rows}


async def test_fewer_calls_than_a_page_owes_are_enough_for_a_run(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, ORDER, Behaviour(nested_max=10)) as world:
        runs, end = await world.pull_to_the_end(budget=calls(4))
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()
        # Two pages of the list, once more for ids, and each conversation's messages once.
        assert len(world.page.calls_at) <= 2 * CALLS_OF_A_LIST + 12 + runs
    assert await completeness(admin) == {"full": 12}


async def test_messages_are_paged_by_time_where_meta_does_so(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, ORDER, Behaviour(nested_max=7, time_paging=True)) as world:
        _, end = await world.pull()
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


async def test_a_conversation_that_is_gone_fails_no_other(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, ORDER, Behaviour(nested_max=10)) as world:
        run, _ = await world.pull(budget=calls(1))
        gone = world.page.threads[0]
        world.page.remove(gone.id)
        _, end = await world.pull(resume=run.session_id)
        assert (end.status, end.completeness) == ("completed", "partial")
        stored = await world.stored(admin)
        assert len(stored.pop(gone.contact_id)) == 10
        assert stored == world.shown()
        # It is in the list no more: the next session has all there is.
        _, end = await world.pull()
        assert end.completeness == "full"
    assert await completeness(admin) == {"full": 11, "partial": 1}
    rejects = await admin.fetch("select kind, reason from sync.sync_rejects")
    assert [tuple(row) for row in rejects] == [("conversation", "graph 400 (100/33)")]
    await holding_books(admin)


@pytest.mark.parametrize("trouble", ["failing", "circling", "refused"])
async def test_what_stays_partial_is_read_again_by_an_incremental_session(
    sync_db: Database, admin: Admin, trouble: str
) -> None:
    quick = PullerPolicy(list_limit=12, overlap_seconds=30)
    async with a_world(sync_db, ORDER, Behaviour(nested_max=10)) as world:
        # All but the oldest conversation's messages are read well.
        run, end = await world.pull(budget=calls(12), policy=quick)
        oldest = world.page.threads[-1]
        if trouble == "failing":
            world.behave(error_calls=1000, error_thread=oldest.id)
        elif trouble == "refused":
            world.behave(
                reject_cursors=1,
                error_calls=1,
                error_code=100,
                error_text="(#100) cursor",
                error_thread=oldest.id,
            )
        else:
            world.behave(circling=True)
        for _ in range(MESSAGES_FAILURES_MAX + 2):
            if end.status != "paused":
                break
            world.clock.forward(100)
            _, end = await world.pull(resume=run.session_id, policy=quick)
        assert (end.status, end.completeness) == ("completed", "partial")
        assert end.watermark_at is not None
        assert end.watermark_at.timestamp() == oldest.updated_at
        assert await completeness(admin) == {"full": 11, "partial": 1}
        world.behave(error_calls=0, circling=False, reject_cursors=0)
        world.clock.forward(1000)
        end = await world.pull_incrementally(quick)
        assert end.completeness == "full"
        assert await completeness(admin) == {"full": 12}
        assert await world.stored(admin) == world.shown()
    await holding_books(admin)


async def test_a_refused_cursor_of_messages_is_asked_without(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, ORDER, Behaviour(nested_max=10)) as world:
        run, _ = await world.pull(budget=calls(1))
        world.behave(reject_cursors=1)
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()
