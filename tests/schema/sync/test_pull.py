"""Pulls against the emulator: exactly what it shows is stored, whatever it does meanwhile."""

from datetime import timedelta

import pytest

from sandbox.meta_conversations import Behaviour, PageOrder
from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.sync.records.pulls import PullBudget, PullerPolicy
from tests.schema.sync.builders import Admin, later
from tests.schema.sync.pulling import a_world, holding_books


async def test_everything_that_is_shown_is_stored_once(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=57, messages_min=1)) as world:
        _, end = await world.pull()
        assert (end.status, end.outcome, end.completeness) == ("completed", "finished", "full")
        assert await world.stored(admin) == world.shown()
        _, again = await world.pull()
        assert again.completeness == "full"
        assert await world.stored(admin) == world.shown()
    versions = await admin.fetch("select distinct version from sync.messenger_conversations")
    assert [row["version"] for row in versions] == [1]
    await holding_books(admin)


async def test_runs_within_a_budget_go_on_where_the_last_one_ended(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=95)) as world:
        runs, end = await world.pull_to_the_end(
            budget=PullBudget(seconds=99, calls=3, new_rows=10**6)
        )
        assert 4 <= runs <= 8
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()
    await holding_books(admin)


@pytest.mark.parametrize(
    ("budget", "outcome"),
    [
        (PullBudget(seconds=1, calls=99, new_rows=10**6), "time"),
        (PullBudget(seconds=99, calls=2, new_rows=10**6), "calls"),
        (PullBudget(seconds=99, calls=99, new_rows=100), "new_rows"),
    ],
    ids=["time", "calls", "new rows"],
)
async def test_each_bound_of_the_budget_ends_a_run(
    sync_db: Database, budget: PullBudget, outcome: str
) -> None:
    async with a_world(sync_db, PageOrder(conversations=60)) as world:
        _, end = await world.pull(budget=budget)
        assert (end.status, end.outcome) == ("paused", outcome)


async def test_a_list_that_moves_while_it_is_read_leaves_no_hole(
    sync_db: Database, admin: Admin
) -> None:
    behaviour = Behaviour(moves_per_call=4)
    async with a_world(sync_db, PageOrder(conversations=120), behaviour) as world:
        _, end = await world.pull_to_the_end(budget=PullBudget(seconds=99, calls=5, new_rows=10**6))
        assert end.completeness == "full"
        world.behave(moves_per_call=0)
        # What moved during the last walk is the next session's.
        await world.pull()
        missing = {
            contact: ids - (await world.stored(admin))[contact]
            for contact, ids in world.shown().items()
        }
        assert not any(missing.values())
    await holding_books(admin)


async def test_an_empty_page_with_a_next_one_goes_on(sync_db: Database, admin: Admin) -> None:
    behaviour = Behaviour(empty_every=2)
    async with a_world(sync_db, PageOrder(conversations=45), behaviour) as world:
        _, end = await world.pull_to_the_end(budget=PullBudget(seconds=99, calls=3, new_rows=10**6))
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


async def test_a_conversation_of_more_than_20_messages_says_that_it_is_truncated(
    sync_db: Database, admin: Admin
) -> None:
    order = PageOrder(conversations=3, messages_min=25, messages_max=25)
    async with a_world(sync_db, order) as world:
        await world.pull()
        assert await world.stored(admin) == world.shown()
        rows = await admin.fetch(
            "select completeness, message_count from sync.messenger_conversations"
        )
        assert {tuple(row.values()) for row in rows} == {("truncated_20", 25)}
    assert await admin.fetchval("select count(*) from sync.contact_interaction_events") == 60


async def test_newer_messages_that_meet_a_complete_pull_are_complete_to_the_overlap(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=1)) as world:
        await world.pull()
        thread = world.page.threads[0]
        for number in range(15):
            world.page.add_message(thread.id, at=thread.updated_at + number)
        await world.pull()
        state = "select completeness from sync.messenger_conversations"
        assert await admin.fetchval(state) == "to_overlap"
        # All 25 are here, although Meta shows but 20; that it shows no more deletes nothing.
        assert len((await world.stored(admin))[thread.contact_id]) == 25
        for number in range(30):
            world.page.add_message(thread.id, at=thread.updated_at + number)
        await world.pull()
        assert await admin.fetchval(state) == "truncated_20"


async def test_messages_that_do_not_come_along_are_asked_for(
    sync_db: Database, admin: Admin
) -> None:
    order = PageOrder(conversations=4, messages_min=18, messages_max=18)
    async with a_world(sync_db, order, Behaviour(nested_max=7)) as world:
        runs, _ = await world.pull_to_the_end(
            budget=PullBudget(seconds=99, calls=2, new_rows=10**6)
        )
        assert runs > 2
        assert await world.stored(admin) == world.shown()
    full = "select distinct completeness from sync.messenger_conversations"
    assert [row[0] for row in await admin.fetch(full)] == ["full"]


async def test_too_much_data_is_asked_for_in_smaller_parts(sync_db: Database, admin: Admin) -> None:
    behaviour = Behaviour(reduce_above=3)
    async with a_world(sync_db, PageOrder(conversations=20), behaviour) as world:
        _, end = await world.pull()
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


async def test_what_cannot_be_read_is_kept_counted_and_stops_nothing(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=12, broken=2)) as world:
        _, end = await world.pull()
        assert end.status == "completed"
        assert len(await world.stored(admin)) == 10
        kinds = await admin.fetch("select kind, reason from sync.sync_rejects")
        assert {row["kind"] for row in kinds} == {"participant"}
        # Again: kept once.
        await world.pull()
        assert await admin.fetchval("select count(*) from sync.sync_rejects") == 2
    await holding_books(admin)


async def test_a_dead_token_pauses_the_session_until_the_page_is_connected_again(
    sync_db: Database, admin: Admin
) -> None:
    behaviour = Behaviour(token_dies_after_calls=3)
    async with a_world(sync_db, PageOrder(conversations=60), behaviour) as world:
        run, end = await world.pull()
        assert (end.status, end.token_status, end.error) == (
            "paused",
            "dead",
            "graph 400 (190/460)",
        )
        with pytest.raises(DomainError, match="PAGE_TOKEN_DEAD"):
            await world.pull(resume=run.session_id)
        world.behave(token_dies_after_calls=0)
        await admin.execute("update sync.pages set token_status = 'unknown'")
        _, end = await world.pull(resume=run.session_id)
        assert end.completeness == "full"
        assert await world.stored(admin) == world.shown()


async def test_near_the_limit_calls_slow_down_and_then_stop(sync_db: Database) -> None:
    behaviour = Behaviour(calls_in_full=20)
    async with a_world(sync_db, PageOrder(conversations=300), behaviour) as world:
        begun = world.clock.now()
        _, end = await world.pull()
        assert (end.status, end.outcome, end.error) == ("paused", "limited", "usage")
        gaps = [b - a for a, b in zip(world.page.calls_at, world.page.calls_at[1:], strict=False)]
        # 75 % of 20 calls are 15, 90 % are 18: nothing is refused, because we stop before.
        assert len(gaps) == 17
        assert max(gaps[:14]) == pytest.approx(0.5)
        assert min(gaps[15:]) == pytest.approx(2.0)
        assert world.platform.conversations.refused == {}
        assert end.due_at is not None
        assert end.due_at >= begun + timedelta(seconds=300)


async def test_a_limit_that_meta_names_releases_the_lease_at_once(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=300)) as world:
        world.behave(calls_in_full=1)
        world.page.calls_at.append(world.clock.now().timestamp() - 10)
        _, end = await world.pull()
        assert (end.status, end.outcome) == ("paused", "limited")
        # 80006 with ten minutes to wait.
        assert end.due_at == later(600)
        assert world.clock.now() == later(0)
    assert await admin.fetchval("select count(*) from sync.sync_locks") == 0


async def test_an_incremental_session_reads_what_changed_and_stops(
    sync_db: Database, admin: Admin
) -> None:
    async with a_world(sync_db, PageOrder(conversations=100)) as world:
        await world.pull()
        for thread in world.page.threads[50:53]:
            world.page.add_message(thread.id, at=world.page.threads[0].updated_at + 1)
        calls = len(world.page.calls_at)
        end = await world.pull_incrementally(PullerPolicy(list_limit=10, overlap_seconds=120))
        assert end.completeness == "to_overlap"
        assert len(world.page.calls_at) - calls <= 2
        assert await world.stored(admin) == world.shown()


async def test_an_import_leaves_no_handoff_anywhere(sync_db: Database, admin: Admin) -> None:
    async with a_world(sync_db, PageOrder(conversations=20)) as world:
        await world.pull()
    for schema in ("ingest", "routing", "delivery", "sync"):
        assert await admin.fetchval(f"select count(*) from {schema}.outbox") == 0
