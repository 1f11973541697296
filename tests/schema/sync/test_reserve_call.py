"""Calls of a page follow each other at the pace that Meta's limits leave."""

from services.chassis.database import Database
from services.sync.records.pulls import CallPace
from services.sync.store.pages import PageStore
from services.sync.usage import Usage
from tests.schema.sync.builders import (
    MovedClock,
)


async def test_slots_follow_each_other_slower_near_a_limit_and_not_while_blocked(
    sync_db: Database,
) -> None:
    pages, pace = PageStore(sync_db, MovedClock()), CallPace()

    async def wait_seconds() -> float | None:
        return (await pages.reserve_call("page", "app", pace)).wait_seconds

    assert [await wait_seconds() for _ in range(3)] == [0, 0.5, 1]
    await pages.report_usage("page", "app", Usage(app_percent=pace.slow_percent))
    assert [await wait_seconds() for _ in range(3)] == [1.5, 3.5, None]
    await pages.report_usage("page", "app", Usage(), app_block_seconds=60, blocked_for="usage")
    # A block is only lengthened.
    await pages.report_usage("page", "app", Usage(), app_block_seconds=30, blocked_for="later")
    slot = await pages.reserve_call("page", "app", pace)
    assert (slot.wait_seconds, slot.blocked_seconds) == (None, 60)
    other = await pages.reserve_call("other page", "app", pace)
    assert other.blocked_seconds == 60
